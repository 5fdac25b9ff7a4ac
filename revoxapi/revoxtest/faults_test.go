package revoxtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const faultyPath = "/campaigns/c/rows?page=0&page_size=10"

func TestBehaviors(t *testing.T) {
	whole := `{"page":0,"page_size":10,"rows":[{"id":"r1"},{"id":"r2"}],"total":2}`
	for _, c := range []struct {
		name string
		b    revoxtest.Behavior
		want string // status code and body, or the error
	}{
		{"zero value", revoxtest.Behavior{}, `500 {"error":{"message":"internal error"}}`},
		{"status", revoxtest.Status(503, http.Header{"X-A": {"b"}}, "sorry"), "503 sorry"},
		{"rate limited", revoxtest.RateLimited("7"), `429 {"error":{"message":"too many requests"}}`},
		{"redirect", revoxtest.Redirect("http://example.invalid/"), "302 "},
		{"body", revoxtest.Body("text/html", "<html>"), "200 <html>"},
		{"delay", revoxtest.Delay(time.Millisecond), "200 " + whole},
		{"cut body", revoxtest.CutBody(), "unexpected EOF"},
		{"cut JSON", revoxtest.CutJSON(), "200 " + whole[:len(whole)/2]},
		{"cut gzip", revoxtest.CutGzip(), "unexpected EOF"},
		{"reset", revoxtest.Reset(), "connection reset"},
		{"reset in body", revoxtest.ResetInBody(), "connection reset"},
		{"drip", revoxtest.Drip(9, time.Microsecond), "200 " + whole},
		{"trailing bytes", revoxtest.TrailingBytes("{}"), "200 " + whole + "{}"},
		{"nesting", revoxtest.DeepNesting(3), `200 {"page":0,"page_size":1,"total":1,"rows":[[[]]]}`},
		{"lying total", revoxtest.LyingTotal(9), `200 {"page":0,"page_size":10,"rows":[{"id":"r1"},{"id":"r2"}],"total":9}`},
		{"wrong type of a text", revoxtest.WrongType("id"), `200 {"page":0,"page_size":10,"rows":[{"id":12345},{"id":12345}],"total":2}`},
		{"wrong type of a number", revoxtest.WrongType("total"), `200 {"page":0,"page_size":10,"rows":[{"id":"r1"},{"id":"r2"}],"total":"wrong"}`},
		{"set field", revoxtest.SetField("rows", "null"), `200 {"page":0,"page_size":10,"rows":null,"total":2}`},
		{"without field", revoxtest.WithoutField("rows"), `200 {"page":0,"page_size":10,"total":2}`},
		{"mangled rows", revoxtest.MangleRows(func(r []json.RawMessage) []json.RawMessage { return r[1:] }), `200 {"page":0,"page_size":10,"rows":[{"id":"r2"}],"total":2}`},
	} {
		for _, kind := range []string{"http", "https"} {
			t.Run(c.name+"/"+kind, func(t *testing.T) {
				var opts []revoxtest.Option
				if kind == "https" {
					opts = append(opts, revoxtest.WithTLS())
				}
				s := newTestServer(t, opts...)
				s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				s.SetRows("c", "", numbered(1, 2))
				s.AddFault(revoxtest.Fault{Behavior: c.b, Times: 1})
				resp, body, err := ask(t, s, faultyPath)
				var got string
				switch {
				case errors.Is(err, syscall.ECONNRESET):
					got = "connection reset"
				case errors.Is(err, io.ErrUnexpectedEOF):
					got = "unexpected EOF"
				case err != nil:
					got = err.Error()
				default:
					got = fmt.Sprint(resp.StatusCode, " ", string(body))
				}
				if got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				if got := string(get(t, s, faultyPath)); got != whole {
					t.Errorf("after the fault: %s", got)
				}
			})
		}
	}
}

func TestRateLimitSaysHowLong(t *testing.T) {
	s := newTestServer(t)
	s.AddFault(revoxtest.Fault{Behavior: revoxtest.RateLimited("7")})
	resp, _, err := ask(t, s, "/campaigns")
	if err != nil || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestLargeFaults(t *testing.T) {
	for name, b := range map[string]revoxtest.Behavior{"bomb": revoxtest.GzipBomb(5 << 20), "huge": revoxtest.HugePage(5 << 20)} {
		s := newTestServer(t)
		s.AddFault(revoxtest.Fault{Behavior: b})
		_, body, err := ask(t, s, faultyPath)
		if err != nil || len(body) < 5<<20 || !json.Valid(body) {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
	}
}

func TestInvalidUTF8(t *testing.T) {
	s := newTestServer(t)
	s.SetRows("c", "name", []json.RawMessage{json.RawMessage(`{"id":"r1","input_data":{"full_name":"name"}}`)})
	s.AddFault(revoxtest.Fault{Behavior: revoxtest.InvalidUTF8()})
	for _, path := range []string{faultyPath, "/campaigns"} {
		if body := get(t, s, path); utf8.Valid(body) || !bytes.Contains(body, []byte("\xff\xc3(name")) {
			t.Errorf("%s: valid UTF-8", path)
		}
	}
}

func TestHangingRequestsEndWithTheirContextAndWithTheServer(t *testing.T) {
	for _, b := range []revoxtest.Behavior{revoxtest.Hang(), revoxtest.HangInBody(), revoxtest.Drip(1, time.Hour), revoxtest.Delay(time.Hour)} {
		s := newTestServer(t)
		s.SetRows("c", "", numbered(1, 2))
		s.AddFault(revoxtest.Fault{Behavior: b})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		for _, ctx := range []context.Context{ctx, t.Context()} {
			go func() {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+faultyPath, nil)
				if err != nil {
					done <- err
					return
				}
				req.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
				resp, err := s.Client().Do(req)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				done <- err
			}()
		}
		if err := s.WaitForRequests(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		s.Close()
		if err := <-done; err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("closed: %v", err)
		}
	}
}

func TestWhichRequestsAFaultIsAbout(t *testing.T) {
	rows := func(id string, page int) string {
		return fmt.Sprintf("/campaigns/%s/rows?page=%d&page_size=1", id, page)
	}
	for _, c := range []struct {
		name  string
		fault revoxtest.Fault
		paths []string
		want  string // g for good, b for bad
	}{
		{"all", revoxtest.Fault{}, []string{rows("a", 0), "/campaigns", "/campaigns/b"}, "bbb"},
		{"one campaign", revoxtest.Fault{Campaign: "a"}, []string{rows("a", 0), rows("b", 0), "/campaigns", "/campaigns/a"}, "bggb"},
		{"rows", revoxtest.Fault{Endpoint: "rows"}, []string{rows("a", 0), "/campaigns", "/campaigns/b"}, "bgg"},
		{"the list", revoxtest.Fault{Endpoint: "campaigns"}, []string{rows("a", 0), "/campaigns", "/campaigns/b"}, "gbb"},
		{"one page", revoxtest.Fault{Page: revoxtest.Page(1)}, []string{rows("a", 0), rows("a", 1), rows("b", 1), "/campaigns"}, "gbbg"},
		{"twice", revoxtest.Fault{Page: revoxtest.AnyPage, Times: 2}, []string{rows("a", 0), rows("a", 0), rows("a", 0)}, "bbg"},
		{"after two", revoxtest.Fault{After: 2, Times: 1, Campaign: "a"}, []string{rows("a", 0), rows("b", 0), rows("a", 0), rows("a", 0), rows("a", 0)}, "gggbg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t)
			s.SetRows("a", "", numbered(1, 3))
			s.SetRows("b", "", numbered(1, 3))
			remove := s.AddFault(c.fault)
			var got strings.Builder
			for _, path := range c.paths {
				if resp, _, _ := ask(t, s, path); resp.StatusCode == 200 {
					got.WriteByte('g')
				} else {
					got.WriteByte('b')
				}
			}
			if got.String() != c.want {
				t.Errorf("got %s, want %s", got.String(), c.want)
			}
			remove()
			for _, path := range c.paths {
				get(t, s, path)
			}
		})
	}
}
