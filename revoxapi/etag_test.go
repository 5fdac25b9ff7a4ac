package revoxapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// readPage reads a page that may have changed since the server gave etag.
func readPage(client *revoxapi.Client, number int, etag string) (page *revoxapi.RowsPage[row], answer apirequest.Answer, err error) {
	page, err = revoxapi.Page[row](context.Background(), client, campaignID, revoxapi.RowsParams{Page: number}, func(o *apirequest.Options) {
		o.ETag, o.Answer = etag, &answer
	})
	return page, answer, err
}

func TestAPageIsSentOnlyIfItHasChanged(t *testing.T) {
	server := newServer(t, revoxtest.WithETags(), revoxtest.WithZstd())
	server.SetRows(campaignID, "c", makeRows(0, 250))
	client := newClient(t, server.URL)
	var first [2]apirequest.Answer
	for number := range first {
		var err error
		if _, first[number], err = readPage(client, number, ""); err != nil || first[number].NotModified {
			t.Fatalf("%v, %+v", err, first[number])
		}
	}
	if first[0].ETag == "" || first[0].ETag == first[1].ETag {
		t.Fatalf("%+v", first)
	}
	server.SetRows(campaignID, "", append(append(makeRows(0, 100), makeRows(300, 301)...), makeRows(101, 250)...))
	page, answer, err := readPage(client, 0, first[0].ETag)
	if err != nil || !answer.NotModified || page.Rows != nil || answer.ETag != first[0].ETag {
		t.Errorf("the page that stayed: %v, %+v, %+v", err, page, answer)
	}
	page, answer, err = readPage(client, 1, first[1].ETag)
	if err != nil || answer.NotModified || len(page.Rows) != 100 || page.Rows[0].ID != idOf(300) || answer.ETag == first[1].ETag {
		t.Errorf("the page that changed: %v, %+v, %+v", err, page, answer)
	}
}

// 304 is an answer only to a request with an ETag.
func TestNotModifiedUnasked(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 3))
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(304, http.Header{"Etag": {`"a"`}}, "")})
	client := newClient(t, server.URL)
	_, _, err := readPage(client, 0, "")
	asError(t, err, revoxapi.KindBadResponse)
	_, _, err = readAll(client, revoxapi.RowsParams{})
	asError(t, err, revoxapi.KindBadResponse)
	_, answer, err := readPage(client, 0, `"b"`)
	if err != nil || !answer.NotModified || answer.ETag != `"a"` {
		t.Errorf("%v, %+v", err, answer)
	}
}

// A try that broke off leaves nothing behind if the next one is answered with 304.
func TestNotModifiedAfterATryThatBrokeOff(t *testing.T) {
	server := newServer(t, revoxtest.WithETags())
	server.SetRows(campaignID, "c", makeRows(0, 50))
	client := newClient(t, server.URL)
	_, first, err := readPage(client, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	server.AddFault(revoxtest.Fault{Times: 1, Behavior: revoxtest.CutBody()})
	page, answer, err := readPage(client, 0, first.ETag)
	if err != nil || !answer.NotModified || page.Rows != nil || page.Total != nil {
		t.Errorf("%v, %+v, %+v", err, page, answer)
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
			_, answer, err := readPage(client, 0, tag)
			if err != nil || answer.ETag != want || asked[0] != want {
				t.Errorf("%v: asked with %q, got %q", err, asked, answer.ETag)
			}
		})
	}
}
