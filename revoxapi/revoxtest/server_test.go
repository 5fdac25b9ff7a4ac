package revoxtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func newTestServer(t *testing.T, opts ...revoxtest.Option) *revoxtest.Server {
	t.Helper()
	s := revoxtest.NewServer(opts...)
	t.Cleanup(s.Close)
	return s
}

// ask sends a request with the right key.
func ask(t *testing.T, s *revoxtest.Server, path string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func get(t *testing.T, s *revoxtest.Server, path string) []byte {
	t.Helper()
	resp, body, err := ask(t, s, path)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %v, %v, %.200s", path, resp, err, body)
	}
	return body
}

// numbered makes rows with nothing but their number.
func numbered(from, to int) []json.RawMessage {
	var rows []json.RawMessage
	for i := from; i <= to; i++ {
		rows = append(rows, json.RawMessage(fmt.Sprintf(`{"id":"r%d"}`, i)))
	}
	return rows
}

// sentAtOnce is more than what the server sends at once.
const sentAtOnce = 1 << 20

// large makes rows of 8 KB.
func large(n int) []json.RawMessage {
	rows := numbered(1, n)
	for i := range rows {
		rows[i] = json.RawMessage(fmt.Sprintf(`{"id":"r%d","text":"%s"}`, i, strings.Repeat("0123456789abcdef", 512)))
	}
	return rows
}

func TestPages(t *testing.T) {
	const missing = "400"
	for _, c := range []struct {
		name  string
		opts  []revoxtest.Option
		query string
		want  string
	}{
		{"first page is 0", nil, "page=0&page_size=2", `{"page":0,"page_size":2,"rows":[{"id":"r1"},{"id":"r2"}],"total":5}`},
		{"last page is short", nil, "page=2&page_size=2", `{"page":2,"page_size":2,"rows":[{"id":"r5"}],"total":5}`},
		{"a page beyond is empty", nil, "page=3&page_size=2", `{"page":3,"page_size":2,"rows":[],"total":5}`},
		{"a page far beyond is empty", nil, "page=4611686018427387&page_size=4611686018427387", `{"page":4611686018427387,"page_size":4611686018427387,"rows":[],"total":5}`},
		{"numbers may be decimals", nil, "page=1.0&page_size=2e0", `{"page":1,"page_size":2,"rows":[{"id":"r3"},{"id":"r4"}],"total":5}`},
		{"no page", nil, "page_size=2", missing},
		{"no page size", nil, "page=0", missing},
		{"page size 0", nil, "page=0&page_size=0", missing},
		{"page below 0", nil, "page=-1&page_size=2", missing},
		{"no number", nil, "page=x&page_size=2", missing},
		{"first page is 1", []revoxtest.Option{revoxtest.WithFirstPage(1)}, "page=1&page_size=2", `{"page":1,"page_size":2,"rows":[{"id":"r1"},{"id":"r2"}],"total":5}`},
		{"page 0 of a strict 1-based server", []revoxtest.Option{revoxtest.WithFirstPage(1)}, "page=0&page_size=2", missing},
		{"page 0 of a lenient 1-based server", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()}, "page=0&page_size=2", `{"page":1,"page_size":2,"rows":[{"id":"r1"},{"id":"r2"}],"total":5}`},
		{"page 0 of a server that echoes", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}, "page=0&page_size=2", `{"page":0,"page_size":2,"rows":[{"id":"r1"},{"id":"r2"}],"total":5}`},
		{"page 1 of a server that echoes", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}, "page=1&page_size=2", `{"page":1,"page_size":2,"rows":[{"id":"r1"},{"id":"r2"}],"total":5}`},
		{"page size is capped", []revoxtest.Option{revoxtest.WithPageSizeCap(2)}, "page=1&page_size=100", `{"page":1,"page_size":2,"rows":[{"id":"r3"},{"id":"r4"}],"total":5}`},
		{"no total", []revoxtest.Option{revoxtest.WithoutTotal()}, "page=1&page_size=4", `{"page":1,"page_size":4,"rows":[{"id":"r5"}]}`},
		{"rows only", []revoxtest.Option{revoxtest.WithRowsOnly()}, "page=7&page_size=1", `{"rows":[{"id":"r1"},{"id":"r2"},{"id":"r3"},{"id":"r4"},{"id":"r5"}]}`},
		{"decimals", []revoxtest.Option{revoxtest.WithNumberStyle(revoxtest.DecimalNumbers)}, "page=2&page_size=2", `{"page":2.0,"page_size":2.0,"rows":[{"id":"r5"}],"total":5.0}`},
		{"exponents", []revoxtest.Option{revoxtest.WithNumberStyle(revoxtest.ExponentNumbers)}, "page=2&page_size=2", `{"page":2e0,"page_size":2e0,"rows":[{"id":"r5"}],"total":5e0}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t, c.opts...)
			s.SetRows("a/b c", "", numbered(1, 5))
			resp, body, err := ask(t, s, "/campaigns/a%2Fb%20c/rows?"+c.query)
			if err != nil {
				t.Fatal(err)
			}
			got := string(body)
			if resp.StatusCode != http.StatusOK {
				got = fmt.Sprint(resp.StatusCode)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRequestsAreRefused(t *testing.T) {
	s := newTestServer(t, revoxtest.WithAPIKey("the-key"))
	s.SetRows("c", "", nil)
	for _, c := range []struct {
		name, method, path, auth string
		want                     int
	}{
		{"right key", "GET", "/campaigns", "Bearer the-key", 200},
		{"wrong key", "GET", "/campaigns", "Bearer the-key\t", 401},
		{"another scheme", "GET", "/campaigns", "Basic the-key", 401},
		{"no key", "GET", "/campaigns", "", 401},
		{"unknown campaign", "GET", "/campaigns/x/rows?page=0&page_size=1", "Bearer the-key", 404},
		{"unknown campaign without rows", "GET", "/campaigns/x", "Bearer the-key", 404},
		{"unknown route", "GET", "/campaigns/c/row", "Bearer the-key", 404},
		{"no campaign", "GET", "/campaigns//rows", "Bearer the-key", 404},
		{"another word", "GET", "/campaignsx", "Bearer the-key", 404},
		{"writing", "POST", "/campaigns", "Bearer the-key", 405},
		{"unknown result", "GET", "/campaigns/c/rows?page=0&page_size=1&result=robot", "Bearer the-key", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.auth != "" {
				req.Header["Authorization"] = []string{strings.TrimSpace(c.auth) + strings.Repeat("x", strings.Count(c.auth, "\t"))}
			}
			resp, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			log := s.Requests()
			if last := log[len(log)-1]; resp.StatusCode != c.want || last.Code != c.want || last.Method != c.method {
				t.Errorf("got %d, logged %+v, want %d", resp.StatusCode, last, c.want)
			}
		})
	}
}

func TestFilters(t *testing.T) {
	s := newTestServer(t)
	row := func(id, phone, status, result string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"id":%q,"phone_number":%q,"input_data":{"n":"Name of %s"},"call":{"status":%q,"call_attempts":[{"result":%s},{"result":"human"}]}}`,
			id, phone, id, status, result))
	}
	s.SetRows("c", "", []json.RawMessage{
		row("a", "+111", "completed", `"human"`), row("b", "+222", "scheduled", `null`), row("d", "+333", "errored", `"voicemail"`),
		json.RawMessage(`{"id":"e","phone_number":"+444","input_data":{},"call":null}`),
	})
	for query, want := range map[string]string{
		"":                                  "a b d e",
		"result=all":                        "a b d e",
		"result=none":                       "b e",
		"result=human":                      "a",
		"result=IVR":                        "",
		"statuses=completed":                "a",
		"statuses=completed,errored":        "a d",
		"statuses=completed&result=none":    "",
		"query=%2B33":                       "d",
		"query=name%20OF%20B":               "b",
		"query=name&statuses=errored,other": "d",
	} {
		for _, size := range []int{1, 2, 10} {
			var got []string
			for page := 0; ; page++ {
				var answer struct {
					Rows  []struct{ ID string }
					Total int
				}
				if err := json.Unmarshal(get(t, s, fmt.Sprintf("/campaigns/c/rows?page=%d&page_size=%d&%s", page, size, query)), &answer); err != nil {
					t.Fatal(err)
				}
				if answer.Total != len(strings.Fields(want)) {
					t.Errorf("%q: total %d, want %q", query, answer.Total, want)
				}
				if len(answer.Rows) == 0 {
					break
				}
				for _, r := range answer.Rows {
					got = append(got, r.ID)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%q in pages of %d: got %q, want %q", query, size, got, want)
			}
		}
	}
}

func TestLargeAnswersAreStreamedAsTheyAre(t *testing.T) {
	for name, opts := range map[string][]revoxtest.Option{"gzip": {revoxtest.WithRowsOnly()}, "plain": {revoxtest.WithRowsOnly(), revoxtest.WithoutGzip()}, "tls": {revoxtest.WithRowsOnly(), revoxtest.WithTLS()}} {
		t.Run(name, func(t *testing.T) {
			s := newTestServer(t, opts...)
			s.SetRows("c", "", large(400))
			resp, body, err := ask(t, s, "/campaigns/c/rows")
			if err != nil {
				t.Fatal(err)
			}
			if resp.Uncompressed == (name == "plain") {
				t.Errorf("uncompressed by the transport: %v", resp.Uncompressed)
			}
			var answer struct{ Rows []json.RawMessage }
			if err := json.Unmarshal(body, &answer); err != nil {
				t.Fatal(err)
			}
			if len(body) < 2*sentAtOnce || !reflect.DeepEqual(answer.Rows, s.Rows("c")) {
				t.Errorf("%d bytes, %d rows: not those of Rows", len(body), len(answer.Rows))
			}
		})
	}
}

func TestOnPageMayMoveRows(t *testing.T) {
	s := newTestServer(t)
	s.SetRows("c", "name", numbered(1, 4))
	s.OnPage(func(id string, page int) {
		if page == 1 {
			s.SetRows(id, "", numbered(0, 4))
		}
	})
	get(t, s, "/campaigns/c/rows?page=0&page_size=2")
	got := string(get(t, s, "/campaigns/c/rows?page=1&page_size=2"))
	if want := `{"page":1,"page_size":2,"rows":[{"id":"r2"},{"id":"r3"}],"total":5}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if list := string(get(t, s, "/campaigns")); !strings.Contains(list, `"name":"name"`) {
		t.Error("the name is gone")
	}
}

func TestRequestLogKeepsTheNewest(t *testing.T) {
	s := newTestServer(t, revoxtest.WithRequestLog(3))
	s.SetRows("c", "", nil)
	for page := range 8 {
		get(t, s, fmt.Sprintf("/campaigns/c/rows?page=%d&page_size=1", page))
	}
	var pages []string
	for _, r := range s.Requests() {
		pages = append(pages, r.Query.Get("page"))
	}
	if !slices.Equal(pages, []string{"5", "6", "7"}) || s.RequestCount() != 8 || s.MaxInFlight() != 1 {
		t.Errorf("kept %v of %d, %d at once", pages, s.RequestCount(), s.MaxInFlight())
	}
	if err := s.WaitForRequests(t.Context(), 8); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitForRequests(ctx, 9); err != context.Canceled {
		t.Errorf("waiting for what does not come: %v", err)
	}
}

func TestPersonalFindsEveryPersonalValue(t *testing.T) {
	s := newTestServer(t)
	s.SetRows("c", "", []json.RawMessage{json.RawMessage(`{"id":"visible-id","phone_number":"+15551234567","input_data":{"k":"secret-1"},
		"call":{"metadata":{"a":"secret-2"},"from_phone_number":"short","call_attempts":[{"transcript":[{"content":"secret-3","tool_arguments":{"deep":["secret-4"]}}]}]}}`)})
	if got := s.Personal("c"); !slices.Equal(got, []string{"+15551234567", "secret-1", "secret-2", "secret-3", "secret-4"}) {
		t.Errorf("got %q", got)
	}
}
