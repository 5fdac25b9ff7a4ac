package revoxapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestReadPagesReadsOnlyWhatChanged(t *testing.T) {
	server := newServer(t, revoxtest.WithETags(), revoxtest.WithZstd())
	server.SetRows(campaignID, "c", makeRows(0, 250))
	client := newClient(t, server.URL)
	first, err := readPages(client, 100, revoxapi.PageRequest{Number: 0}, revoxapi.PageRequest{Number: 1})
	if err != nil || first[0].ETag == "" || first[0].ETag == first[1].ETag {
		t.Fatalf("%v, %+v", err, first)
	}
	again := []revoxapi.PageRequest{{Number: 0, ETag: first[0].ETag}, {Number: 1, ETag: first[1].ETag}}
	server.SetRows(campaignID, "", append(append(makeRows(0, 100), makeRows(300, 301)...), makeRows(101, 250)...))
	second, err := readPages(client, 100, again...)
	if err != nil || len(second) != 2 {
		t.Fatal(err)
	}
	if p := second[0]; !p.NotModified || p.Rows != nil || p.Number != 0 || p.ETag != first[0].ETag {
		t.Errorf("the page that stayed: %+v", p)
	}
	if p := second[1]; p.NotModified || len(p.Rows) != 100 || p.Rows[0].ID != idOf(300) || p.ETag == first[1].ETag {
		t.Errorf("the page that changed: %+v", p)
	}
}

// 304 is an answer only to who asked for it.
func TestNotModifiedUnasked(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 3))
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(304, http.Header{"Etag": {`"a"`}}, "")})
	client := newClient(t, server.URL)
	_, err := readPages(client, 100, revoxapi.PageRequest{Number: 0})
	asError(t, err, revoxapi.KindBadResponse)
	_, _, err = readAll(client, revoxapi.RowsParams{})
	asError(t, err, revoxapi.KindBadResponse)
	pages, err := readPages(client, 100, revoxapi.PageRequest{Number: 0, ETag: `"b"`})
	if err != nil || !pages[0].NotModified || pages[0].ETag != `"a"` {
		t.Errorf("%v, %+v", err, pages)
	}
}

// A try that broke off leaves nothing behind where the next says that all is as it was.
func TestNotModifiedAfterATryThatBrokeOff(t *testing.T) {
	server := newServer(t, revoxtest.WithETags())
	server.SetRows(campaignID, "c", makeRows(0, 50))
	client := newClient(t, server.URL)
	first, err := readPages(client, 100, revoxapi.PageRequest{Number: 0})
	if err != nil {
		t.Fatal(err)
	}
	server.AddFault(revoxtest.Fault{Times: 1, Behavior: revoxtest.CutBody()})
	pages, err := readPages(client, 100, revoxapi.PageRequest{Number: 0, ETag: first[0].ETag})
	if err != nil || !pages[0].NotModified || pages[0].Rows != nil || pages[0].Total != nil {
		t.Errorf("%v, %+v", err, pages)
	}
}

func TestWhichETagsAreSentBack(t *testing.T) {
	for tag, usable := range map[string]bool{
		`"a"`: true, `W/"a"`: true, `""`: true, `"!#$%&'()*+,-./:;<=>?@[\]^_{|}~"`: true, `"` + strings.Repeat("x", 254) + `"`: true,
		``: false, `a`: false, `"`: false, `W/"`: false, `w/"a"`: false, `"a" `: false, `"a"b"`: false, `"a b"`: false, "\"a\x7f\"": false, "\"\xc3\xa9\"": false,
		"\"a\r\nX: y\"": false, `"` + strings.Repeat("x", 255) + `"`: false,
	} {
		t.Run(fmt.Sprintf("%.30q", tag), func(t *testing.T) {
			var asked []string
			client := newClient(t, "http://etags.invalid", revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.Header.Get("If-None-Match"))
				header := http.Header{"Etag": {tag}}
				return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(`{"rows":[]}`)), Request: r}, nil
			})))
			want := ""
			if usable {
				want = tag
			}
			pages, err := readPages(client, 100, revoxapi.PageRequest{Number: 0, ETag: tag})
			if err != nil || pages[0].ETag != want || asked[0] != want {
				t.Errorf("%v: asked with %q, got %q", err, asked, pages[0].ETag)
			}
		})
	}
}
