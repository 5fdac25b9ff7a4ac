package revoxapi_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// canary stands in the texts of these tests for whatever must not come out again.
const canary = "canary+33612345678"

// personalQuery is one that every simulated contact matches.
const personalQuery = "cust-"

// checkText demands that no text of err, or of what it wraps, gives anything away, and that it names campaign and page.
func checkText(t *testing.T, err error, server *revoxtest.Server) {
	t.Helper()
	if text := err.Error(); !strings.Contains(text, campaignID) || !strings.Contains(text, "page 0") {
		t.Errorf("%q does not name the campaign and the page", text)
	}
	forbidden := []string{"canary", "CANARY", revoxtest.APIKey, personalQuery}
	if server != nil {
		forbidden = append(forbidden, server.Personal(campaignID)...)
	}
	for ; err != nil; err = errors.Unwrap(err) {
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		for _, f := range forbidden {
			if strings.Contains(text, f) {
				t.Errorf("%q gives %q away", text, f)
			}
		}
	}
}

// ask reads a page as the exporter does, with few fields, and as Client.Page does, with all. Both must fail alike.
func ask(t *testing.T, client *revoxapi.Client, kind revoxapi.ErrorKind) *revoxapi.Error {
	t.Helper()
	params := revoxapi.RowsParams{Query: personalQuery}
	_, _, err := readAll(client, params)
	asError(t, err, kind)
	_, err = client.Page(context.Background(), campaignID, params)
	if revoxapi.KindOf(fmt.Errorf("wrapped: %w", err)) != kind {
		t.Errorf("KindOf a wrapped error is %q", revoxapi.KindOf(err))
	}
	return asError(t, err, kind)
}

// Of a page of one row, the number is that of a row: without the size it could not be asked for again.
func TestErrorOfAPageOfOneRowSaysSo(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 60))
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(400, nil, "")})
	_, err := newClient(t, server.URL).Page(t.Context(), campaignID, revoxapi.RowsParams{Page: 51, PageSize: 1})
	if e := asError(t, err, revoxapi.KindBadResponse); e.PageSize != 1 || !strings.Contains(e.Error(), "page 51 (page_size=1) of campaign") {
		t.Errorf("%+v", e)
	}
}

func TestEveryFaultHasItsKind(t *testing.T) {
	for _, test := range []struct {
		name     string
		behavior revoxtest.Behavior
		kind     revoxapi.ErrorKind
		code     int
	}{
		{"400", status(400), revoxapi.KindBadResponse, 400},
		{"401", status(401), revoxapi.KindAuth, 401},
		{"403", status(403), revoxapi.KindAuth, 403},
		{"403 with a page", page(403), revoxapi.KindBadResponse, 403},
		{"401 with a page", page(401), revoxapi.KindAuth, 401},
		{"404", status(404), revoxapi.KindNotFound, 404},
		{"407", status(407), revoxapi.KindBadResponse, 407},
		{"408", status(408), revoxapi.KindTimeout, 408},
		{"409", status(409), revoxapi.KindServerError, 409},
		{"410", status(410), revoxapi.KindNotFound, 410},
		{"422", status(422), revoxapi.KindBadResponse, 422},
		{"425", status(425), revoxapi.KindServerError, 425},
		{"304", revoxtest.Status(304, nil, ""), revoxapi.KindBadResponse, 304},
		{"429", status(429), revoxapi.KindRateLimited, 429},
		{"500", status(500), revoxapi.KindServerError, 500},
		{"503", status(503), revoxapi.KindServerError, 503},
		{"503 with a page", page(503), revoxapi.KindServerError, 503},
		{"599", status(599), revoxapi.KindServerError, 599},
		{"999", status(999), revoxapi.KindBadResponse, 999},
		{"201", status(201), revoxapi.KindBadResponse, 201},
		{"204", revoxtest.Status(204, nil, ""), revoxapi.KindBadResponse, 204},
		{"reset", revoxtest.Reset(), revoxapi.KindConnection, 0},
		{"reset in the body", revoxtest.ResetInBody(), revoxapi.KindConnection, 200},
		{"cut body", revoxtest.CutBody(), revoxapi.KindBadResponse, 200},
		{"cut JSON", revoxtest.CutJSON(), revoxapi.KindBadResponse, 200},
		{"cut gzip", revoxtest.CutGzip(), revoxapi.KindBadResponse, 200},
		{"trailing bytes", revoxtest.TrailingBytes(canary), revoxapi.KindBadResponse, 200},
		{"a second object", revoxtest.TrailingBytes(`{"rows":[]}`), revoxapi.KindBadResponse, 200},
		{"rows nested deeply", revoxtest.DeepNesting(100_000), revoxapi.KindBadResponse, 200},
		{"rows of the wrong type", revoxtest.WrongType("rows"), revoxapi.KindBadResponse, 200},
		{"ids of the wrong type", revoxtest.SetField("id", "true"), revoxapi.KindBadResponse, 200},
		{"rows missing", revoxtest.WithoutField("rows"), revoxapi.KindBadResponse, 200},
		{"rows null", revoxtest.SetField("rows", "null"), revoxapi.KindBadResponse, 200},
		{"rows an object", revoxtest.SetField("rows", `{"`+canary+`":[]}`), revoxapi.KindBadResponse, 200},
		{"rows an empty object", revoxtest.SetField("rows", `{}`), revoxapi.KindBadResponse, 200},
		{"HTML", revoxtest.Body("text/html", "<html>"+canary), revoxapi.KindBadResponse, 200},
		{"nothing", revoxtest.Body("application/json", ""), revoxapi.KindBadResponse, 200},
		{"white space", revoxtest.Body("application/json", " \n"), revoxapi.KindBadResponse, 200},
		{"null", revoxtest.Body("application/json", "null"), revoxapi.KindBadResponse, 200},
		{"a text", revoxtest.Body("application/json", `"`+canary+`"`), revoxapi.KindBadResponse, 200},
		{"a number", revoxtest.Body("application/json", "33612345678"), revoxapi.KindBadResponse, 200},
		{"an array", revoxtest.Body("application/json", `[{"id":"canary"}]`), revoxapi.KindBadResponse, 200},
		{"an error object", revoxtest.Body("application/json", `{"error":{"message":"`+canary+revoxtest.APIKey+`"}}`), revoxapi.KindBadResponse, 200},
		{"Rows for rows", revoxtest.Body("application/json", `{"Rows":[]}`), revoxapi.KindBadResponse, 200},
		{"rows twice", revoxtest.Body("application/json", `{"rows":[],"rows":[]}`), revoxapi.KindBadResponse, 200},
		{"rows not closed", revoxtest.Body("application/json", `{"rows":[}`), revoxapi.KindBadResponse, 200},
		{"single quotes", revoxtest.Body("application/json", `{'canary':1}`), revoxapi.KindBadResponse, 200},
		{"a broken name", revoxtest.Body("application/json", `{"rows":[{"id":"1","canary\x":"canary"}]}`), revoxapi.KindBadResponse, 200},
		{"a broken value", revoxtest.Body("application/json", `{"canary":canary,"rows":[]}`), revoxapi.KindBadResponse, 200},
		{"comma at the end", revoxtest.Body("application/json", `{"rows":[{"id":"canary"},]}`), revoxapi.KindBadResponse, 200},
		{"unknown encoding", encoded("br", canary), revoxapi.KindBadResponse, 200},
		{"gzip twice", encoded("gzip, gzip", canary), revoxapi.KindBadResponse, 200},
		{"two encodings", encoded("gzip, canary", canary), revoxapi.KindBadResponse, 200},
		{"no gzip at all", encoded("gzip", canary+canary+canary), revoxapi.KindBadResponse, 200},
		{"empty gzip", encoded("gzip", ""), revoxapi.KindBadResponse, 200},
		{"broken gzip", encoded("gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"+canary), revoxapi.KindBadResponse, 200},
		{"cut zstd", revoxtest.CutZstd(), revoxapi.KindBadResponse, 200},
		{"no zstd at all", encoded("zstd", canary+canary+canary), revoxapi.KindBadResponse, 200},
		{"empty zstd", encoded("zstd", ""), revoxapi.KindBadResponse, 200},
		{"broken zstd", encoded("zstd", "\x28\xb5\x2f\xfd\x04\x58\xff\xff\xff"+canary), revoxapi.KindBadResponse, 200},
		{"zstd for a dictionary", encoded("zstd", "\x28\xb5\x2f\xfd\x05\x58\x07"+canary), revoxapi.KindBadResponse, 200},
		{"location that is not a URL", revoxtest.Redirect("http://[" + canary), revoxapi.KindConnection, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(t)
			sim.New(server).AddCampaign(sim.Campaign{ID: campaignID, Rows: 5, Start: start})
			server.AddFault(revoxtest.Fault{Behavior: test.behavior})
			e := ask(t, newClient(t, server.URL), test.kind)
			checkText(t, e, server)
			if e.StatusCode != test.code || e.Endpoint != revoxapi.EndpointRows || e.CampaignID != campaignID || e.Page != 0 {
				t.Errorf("%+v", e)
			}
		})
	}
}

func status(code int) revoxtest.Behavior {
	header := http.Header{"X-Canary": {canary}, "Www-Authenticate": {canary}, "Retry-After": {"canary"}}
	return revoxtest.Status(code, header, `{"error":"`+canary+revoxtest.APIKey+`"}`)
}

// page is a firewall's.
func page(code int) revoxtest.Behavior {
	return revoxtest.Status(code, http.Header{"Content-Type": {"Text/HTML; charset=utf-8"}}, "<title>"+canary)
}

func encoded(encoding, body string) revoxtest.Behavior {
	return revoxtest.Status(200, http.Header{"Content-Encoding": {encoding}}, body)
}

// Below some fields stand names that users chose.
func TestNamesThatUsersChoseStayOut(t *testing.T) {
	for _, row := range []string{
		`{"id":"1","input_data":{"` + canary + `":{"canary":1}}}`,
		`{"id":"1","call":{"metadata":{"` + canary + `":7}}}`,
	} {
		server := newServer(t)
		server.AddFault(revoxtest.Fault{Behavior: revoxtest.Body("application/json", `{"rows":[`+row+`]}`)})
		err := getPage(context.Background(), newClient(t, server.URL))
		checkText(t, asError(t, err, revoxapi.KindBadResponse), nil)
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	for name, behavior := range map[string]revoxtest.Behavior{
		"gzip bomb": revoxtest.GzipBomb(64 << 20), "zstd bomb": revoxtest.ZstdBomb(64 << 20), "huge page": revoxtest.HugePage(64 << 20),
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.AddFault(revoxtest.Fault{Behavior: behavior})
			var wire int64
			client := newClient(t, server.URL, revoxapi.WithMaxResponseBytes(8<<20), revoxapi.WithTrace(revoxapi.Trace{
				Request: func(r revoxapi.RequestTrace) { wire = r.BodyBytes },
			}))
			e := ask(t, client, revoxapi.KindBadResponse)
			checkText(t, e, nil)
			if !strings.Contains(e.Error(), "larger than the limit") || wire > 1<<20 || server.RequestCount() != 2 {
				t.Errorf("%v after %d bytes and %d requests", e, wire, server.RequestCount())
			}
		})
	}
	t.Run("zstd window", func(t *testing.T) {
		// A frame of one raw block, whose header asks for a window of 8 MiB, and of 16 MiB.
		for window, kind := range map[string]revoxapi.ErrorKind{"\x68": "", "\x70": revoxapi.KindBadResponse} {
			server := newServer(t)
			server.AddFault(revoxtest.Fault{Behavior: encoded("zstd", "\x28\xb5\x2f\xfd\x00"+window+"\x59\x00\x00"+`{"rows":[]}`)})
			err := getPage(context.Background(), newClient(t, server.URL))
			if revoxapi.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), "window") {
				t.Errorf("window %x: %v", window, err)
			}
		}
	})
	t.Run("many small rows", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1000))
		client := newClient(t, server.URL, revoxapi.WithMaxResponseBytes(64<<10))
		_, _, err := readAll(client, revoxapi.RowsParams{PageSize: 1000})
		asError(t, err, revoxapi.KindBadResponse)
		mustReadAll(t, client, revoxapi.RowsParams{PageSize: 500}, makeRows(0, 1000))
	})
}

func TestWhatCannotBeReachedOrIsNotHTTP(t *testing.T) {
	gone := newServer(t)
	gone.Close()
	secure := newServer(t, revoxtest.WithTLS())
	plain := newServer(t)
	for _, test := range []struct {
		name, url string
		hint      string
	}{
		{"refused", gone.URL, "refused"},
		{"no such host", "http://nowhere.invalid/api", "nowhere.invalid"},
		{"TLS to a plain server", strings.Replace(plain.URL, "http:", "https:", 1), "https or http"},
		{"certificate of unknown authority", secure.URL, "not trusted"},
		{"malformed status line", rawServer(t, "HTTP/1.1 "+canary+"\r\n\r\n"), "not HTTP"},
		{"malformed version", rawServer(t, canary+"\r\n\r\n"), "not HTTP"},
		{"malformed header", rawServer(t, "HTTP/1.1 200 OK\r\n"+canary+" canary\r\n\r\n"), "not HTTP"},
		{"malformed length", rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: "+canary+"\r\n\r\n"), "not HTTP"},
		{"malformed chunk", rawServer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+canary+"\r\n"), "not HTTP"},
		{"closed at once", rawServer(t, ""), "closed"},
		{"header cut", rawServer(t, "HTTP/1.1 200 OK\r\nX-Canary: canary"), "closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := ask(t, newClient(t, test.url, revoxapi.WithMaxRetries(0)), revoxapi.KindConnection)
			checkText(t, e, nil)
			if !strings.Contains(e.Error(), test.hint) {
				t.Errorf("%q does not hint at %q", e, test.hint)
			}
		})
	}
	t.Run("a certificate of the client's is missing", func(t *testing.T) {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // its refusals
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		server.StartTLS()
		t.Cleanup(server.Close)
		client := newClient(t, server.URL, revoxapi.WithTransport(server.Client().Transport), revoxapi.WithMaxRetries(0))
		e := ask(t, client, revoxapi.KindConnection)
		checkText(t, e, nil)
		if !strings.Contains(e.Error(), "refused TLS") {
			t.Errorf("%v", e)
		}
	})
	t.Run("a certificate is not tried again", func(t *testing.T) {
		clock := newHurry()
		err := getPage(context.Background(), newClient(t, secure.URL, revoxapi.WithClock(clock)))
		asError(t, err, revoxapi.KindConnection)
		if len(clock.waits()) != 0 {
			t.Errorf("waited %v", clock.waits())
		}
	})
	t.Run("a trusted certificate", func(t *testing.T) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: secure.CertPool()}}
		secure.SetRows(campaignID, "c", makeRows(0, 3))
		mustReadAll(t, newClient(t, secure.URL, revoxapi.WithTransport(transport)), revoxapi.RowsParams{}, makeRows(0, 3))
	})
}

// A firewall's page is no word of the API about the key, and the text says so.
func TestPageOfAFirewallIsNamed(t *testing.T) {
	for _, code := range []int{202, 403, 405, 503} {
		server := newServer(t)
		server.AddFault(revoxtest.Fault{Behavior: page(code)})
		err := getPage(context.Background(), newClient(t, server.URL, revoxapi.WithMaxRetries(0)))
		checkText(t, err, nil)
		if text := err.Error(); !strings.Contains(text, "HTML page, which a firewall or proxy in front of the API sends") ||
			strings.Contains(text, "key") {
			t.Errorf("%d: %q", code, text)
		}
	}
}

// Over HTTP/2 an answer breaks off in frames, not by the end of a connection.
func TestAnswerThatBreaksOffOverHTTP2(t *testing.T) {
	whole := false
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("asked over %s", r.Proto)
		}
		_, _ = fmt.Fprint(w, `{"rows":[{"id":"1"}`)
		_ = http.NewResponseController(w).Flush()
		if !whole {
			whole = true
			panic(http.ErrAbortHandler)
		}
		_, _ = fmt.Fprint(w, `]}`)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	client := newClient(t, server.URL, revoxapi.WithTransport(server.Client().Transport), revoxapi.WithMaxRetries(0))
	err := getPage(context.Background(), client)
	e := asError(t, err, revoxapi.KindConnection)
	checkText(t, e, nil)
	if !strings.Contains(e.Error(), "broken off") {
		t.Errorf("%v", e)
	}
	if err := getPage(context.Background(), client); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestErrorsAreComparedByTheirKind(t *testing.T) {
	sentinels := map[revoxapi.ErrorKind]error{
		revoxapi.KindAuth: revoxapi.ErrAuth, revoxapi.KindNotFound: revoxapi.ErrNotFound, revoxapi.KindRateLimited: revoxapi.ErrRateLimited,
		revoxapi.KindServerError: revoxapi.ErrServer, revoxapi.KindTimeout: revoxapi.ErrTimeout, revoxapi.KindConnection: revoxapi.ErrConnection,
		revoxapi.KindBadResponse: revoxapi.ErrBadResponse, revoxapi.KindIncomplete: revoxapi.ErrIncomplete, revoxapi.KindCanceled: revoxapi.ErrCanceled,
	}
	for _, kind := range append(revoxapi.ErrorKinds(), revoxapi.KindCanceled) {
		own := errors.New("own")
		err := fmt.Errorf("wrapped: %w", &revoxapi.Error{Kind: kind, Err: own})
		if !errors.Is(err, own) {
			t.Errorf("%s: Err is not found", kind)
		}
		for k, sentinel := range sentinels {
			if got := errors.Is(err, sentinel); got != (k == kind) {
				t.Errorf("errors.Is(%v, %v) is %v", kind, sentinel, got)
			}
		}
	}
	if len(sentinels) != len(revoxapi.ErrorKinds())+1 {
		t.Errorf("%d errors for %d kinds", len(sentinels), len(revoxapi.ErrorKinds())+1)
	}
}

// Invalid UTF-8, names given twice and unknown values do not fail a page.
func TestWhatIsTolerated(t *testing.T) {
	server := newServer(t, revoxtest.WithNewerFields())
	sim.New(server).AddCampaign(sim.Campaign{ID: campaignID, Rows: 5, Start: start, Outcomes: true})
	for name, behavior := range map[string]revoxtest.Behavior{
		"invalid UTF-8": revoxtest.InvalidUTF8(), "unknown status": revoxtest.SetField("status", `"new"`), "odd time": revoxtest.SetField("created_at", `{}`),
		"names twice":     revoxtest.Body("application/json", `{"x":1,"x":2,"rows":[{"id":"1","id":"2","y":1,"y":{}}],"total":1}`),
		"white space":     revoxtest.TrailingBytes(" \r\n\t"),
		"total null":      revoxtest.SetField("total", "null"),
		"unknown members": revoxtest.Body("application/json", `{"a":{"b":[null,[[]]]},"rows":[{"id":"1"}],"next":null}`),
	} {
		remove := server.AddFault(revoxtest.Fault{Behavior: behavior})
		if err := getPage(context.Background(), newClient(t, server.URL)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		remove()
	}
}
