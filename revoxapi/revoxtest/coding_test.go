package revoxtest_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// askWith sends a request with the right key and further headers. Nothing is decompressed on the way.
func askWith(t *testing.T, s *revoxtest.Server, path string, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	req.Header.Set("Accept-Encoding", "identity")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func TestAnswersArePackedAsTheClientLikes(t *testing.T) {
	for _, test := range []struct {
		opts          []revoxtest.Option
		accepts, want string
	}{
		{nil, "gzip, zstd", "gzip"},
		{nil, "gzip;q=0", ""},
		{[]revoxtest.Option{revoxtest.WithZstd()}, "gzip, zstd", "zstd"},
		{[]revoxtest.Option{revoxtest.WithZstd()}, "gzip, zstd;q=0", "gzip"},
		{[]revoxtest.Option{revoxtest.WithZstd()}, "gzip", "gzip"},
		{[]revoxtest.Option{revoxtest.WithZstd(), revoxtest.WithoutGzip()}, "gzip", ""},
	} {
		s := newTestServer(t, test.opts...)
		s.SetRows("c", "c", large(300))
		const path = "/campaigns/c/rows?page=0&page_size=300"
		_, plain := askWith(t, s, path, nil)
		resp, body := askWith(t, s, path, map[string]string{"Accept-Encoding": test.accepts})
		if got := resp.Header.Get("Content-Encoding"); got != test.want {
			t.Errorf("%q was answered in %q, want %q", test.accepts, got, test.want)
		}
		var unpacked io.Reader = bytes.NewReader(body)
		var err error
		switch test.want {
		case "gzip":
			unpacked, err = gzip.NewReader(unpacked)
		case "zstd":
			var d *zstd.Decoder
			d, err = zstd.NewReader(unpacked)
			defer d.Close()
			unpacked = d
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(unpacked); err != nil || len(plain) < sentAtOnce || !bytes.Equal(got, plain) {
			t.Errorf("%q: %v, %d bytes, want %d", test.accepts, err, len(got), len(plain))
		}
	}
}

func TestETags(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	s := newTestServer(t, revoxtest.WithETags(), revoxtest.WithNow(clock.Now))
	s.SetRows("c", "c", numbered(1, 3))
	const path = "/campaigns/c/rows?page=0&page_size=2"
	first, body := askWith(t, s, path, nil)
	tag := first.Header.Get("ETag")
	if tag == "" || len(body) == 0 {
		t.Fatalf("ETag %q, %d bytes", tag, len(body))
	}
	packed, _ := askWith(t, s, path, map[string]string{"Accept-Encoding": "gzip"})
	if packed.Header.Get("ETag") == tag {
		t.Error("packed and plain bytes have the same ETag")
	}
	same, body := askWith(t, s, path, map[string]string{"If-None-Match": `"other", ` + tag})
	if same.StatusCode != http.StatusNotModified || same.Header.Get("ETag") != tag || len(body) != 0 {
		t.Errorf("%s, ETag %q, %d bytes", same.Status, same.Header.Get("ETag"), len(body))
	}
	if requests := s.Requests(); requests[len(requests)-1].Code != http.StatusNotModified {
		t.Errorf("noted as %d", requests[len(requests)-1].Code)
	}
	s.SetRows("c", "c", numbered(1, 4)) // the rows of the page stay, its total does not
	changed, body := askWith(t, s, path, map[string]string{"If-None-Match": tag})
	if changed.StatusCode != http.StatusOK || changed.Header.Get("ETag") == tag || len(body) == 0 {
		t.Errorf("%s, ETag %q, %d bytes", changed.Status, changed.Header.Get("ETag"), len(body))
	}
	if missing, _ := askWith(t, s, "/campaigns/none/rows?page=0&page_size=2", map[string]string{"If-None-Match": "*"}); missing.StatusCode != http.StatusNotFound || missing.Header.Get("ETag") != "" {
		t.Errorf("%s, ETag %q", missing.Status, missing.Header.Get("ETag"))
	}
	if plain, _ := askWith(t, newWithRows(t), path, nil); plain.Header.Get("ETag") != "" {
		t.Error("a server without ETags sends one")
	}
}

func newWithRows(t *testing.T) *revoxtest.Server {
	s := newTestServer(t)
	s.SetRows("c", "c", numbered(1, 3))
	return s
}
