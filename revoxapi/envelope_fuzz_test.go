package revoxapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// FuzzRows answers every request with the same bytes. Rows must not panic, must end, and must return either an *Error
// or the rows that the standard library finds, all with ids.
func FuzzRows(f *testing.F) {
	zstdEncoder, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	zstdDecoder, err := zstd.NewReader(nil)
	if err != nil {
		f.Fatal(err)
	}
	defer zstdDecoder.Close()
	for _, body := range []string{
		`{"page":0,"page_size":100,"rows":[{"id":"a","row_index":0},{"id":"b","row_index":1.0}],"total":2}`,
		`{"rows":[{"id":"a"},{"id":"a"}]}`, `{"rows":[]}`, `{"rows":[],"total":3e0}`, `{"total":-1,"rows":[]}`, `{"rows":null}`, `{"rows":[null]}`,
		`{"rows":[{}]}`, `{"rows":[{"id":""}]}`, `{"rows":[{"id":1}]}`, `{"rows":[{"id":"a"}]`, `{"rows":[{"id":"a"}]}}`, `{"rows":[],"rows":[]}`,
		`{"total":9223372036854775807,"rows":[{"id":"a"}]}`, `{"rows":{},"page":"x"}`, `{"rows":{},"total":"0"}`, `{"rows":null,"total":0}`, `{"rows":null,"total":1}`, "\ufeff{\"rows\":[{\"id\":7}]}",
		`{"rows":[{"id":"a","call":[]}],"total":{}}`, `[]`, `null`, ``, `<html>`, "{\"rows\":[{\"id\":\"\xff\"}]}",
		`{"rows":` + strings.Repeat("[", 20_000), `{"rows":[{"id":"a","call":` + strings.Repeat(`{"x":`, 11_000),
		`{"rows":[{"id":"a","call":{"status":"calling","call_attempts":[{"id":"c","started_at":{}}]}}]}`,
	} {
		f.Add([]byte(body), "")
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, body)
		_ = z.Close()
		f.Add(packed.Bytes(), "gzip")
		f.Add(zstdEncoder.EncodeAll([]byte(body), nil), "zstd")
	}
	f.Fuzz(func(t *testing.T, body []byte, coding string) {
		requests := 0
		client := newClient(t, "http://fuzz.invalid", revoxapi.WithMaxResponseBytes(1<<20), revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
			requests++
			header := http.Header{}
			if coding != "" {
				header.Set("Content-Encoding", coding)
			}
			return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
		})))
		got, summary, err := readAll(client, revoxapi.RowsParams{})
		if requests > 20 {
			t.Errorf("%d requests", requests)
		}
		if page, err := client.Page(context.Background(), campaignID, revoxapi.RowsParams{}); err == nil && page.Rows == nil {
			t.Error("a page without rows is not an error")
		}
		if err != nil {
			var e *revoxapi.Error
			if !errors.As(err, &e) || e.Kind != revoxapi.KindBadResponse {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		plain := body
		var broken error
		switch strings.ToLower(coding) {
		case "gzip":
			var z *gzip.Reader
			if z, broken = gzip.NewReader(bytes.NewReader(body)); broken == nil {
				plain, broken = io.ReadAll(z)
			}
		case "zstd":
			plain, broken = zstdDecoder.DecodeAll(body, nil)
		}
		if broken != nil {
			t.Fatalf("accepted %s that is broken: %v", coding, broken)
		}
		var page map[string]json.RawMessage
		var rows []map[string]json.RawMessage
		plain = bytes.TrimPrefix(plain, []byte("\ufeff"))
		if err := json.Unmarshal(plain, &page); err != nil {
			t.Fatalf("accepted what is not a JSON object: %v", err)
		}
		if nothing := string(bytes.Join(bytes.Fields(page["rows"]), nil)); nothing == "null" || nothing == "{}" {
			if len(got) > 0 || page["total"] == nil {
				t.Fatalf("%d rows of %s", len(got), plain)
			}
			return
		}
		if err := json.Unmarshal(page["rows"], &rows); err != nil || rows == nil {
			t.Fatalf("accepted without an array of rows: %v", err)
		}
		ids := map[string]bool{}
		for _, id := range got {
			if ids[id] = true; id == "" {
				t.Error("a row has no id")
			}
		}
		if len(ids) != len(got) || len(got) != summary.Rows || len(got) > len(rows) || len(rows) > 0 && len(got) == 0 {
			t.Errorf("%d rows yielded, %d different, of %d: %+v", len(got), len(ids), len(rows), summary)
		}
	})
}
