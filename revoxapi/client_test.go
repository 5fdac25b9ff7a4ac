package revoxapi_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestEveryFilterReachesTheServer(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 3))
	client := newClient(t, server.URL, revoxapi.WithUserAgent("tester/1.2"))
	page, err := client.Page(context.Background(), campaignID, revoxapi.RowsParams{
		Page: 4, PageSize: 17, Query: "a b&c=d", Result: revoxapi.ResultFilterNone,
		Statuses: []revoxapi.CallStatus{"calling", "errored"},
	})
	if err != nil || page.Rows == nil || len(page.Rows) != 0 || *page.Total != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	request := server.Requests()[0]
	if got, want := request.Query.Encode(), "page=4&page_size=17&query=a+b%26c%3Dd&result=none&statuses=calling%2Cerrored"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + revoxtest.APIKey, "User-Agent": "tester/1.2", "Accept-Encoding": "gzip, zstd", "Accept": "application/json",
		"Cache-Control": "no-cache",
	} {
		if got := request.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	// Rows sends the filters with every page, and the zero value sends none.
	mustReadAll(t, client, revoxapi.RowsParams{}, makeRows(0, 3))
	if got, want := server.Requests()[1].Query.Encode(), "page=0&page_size=100"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	if _, _, err := readAll(client, revoxapi.RowsParams{PageSize: 2, Result: revoxapi.ResultFilterNone}); err != nil {
		t.Fatal(err)
	}
	for _, r := range server.Requests()[2:] {
		if r.Query.Get("result") != "none" || r.Query.Get("page_size") != "2" {
			t.Errorf("asked %q", r.Query.Encode())
		}
	}
}

func TestCampaignIDIsOneSegmentOfThePath(t *testing.T) {
	server := newServer(t)
	client := newClient(t, server.URL+"/")
	for _, id := range []string{"a/b", "a?b", "a%2Fb", "a;b", "é", "a+b", "...", "a/../b", "#"} {
		server.SetRows(id, "c", makeRows(0, 1))
		page, err := client.Page(context.Background(), id, revoxapi.RowsParams{})
		if err != nil || len(page.Rows) != 1 {
			t.Errorf("campaign %q: %+v, %v", id, page, err)
		}
	}
	asked := server.RequestCount()
	for _, id := range []string{"", ".", "..", "a b", "a\nb", "a\x00", "\xff", "a\u0080", "a\u200b", "a\u00a0b", strings.Repeat("x", 257)} {
		_, err := client.Page(context.Background(), id, revoxapi.RowsParams{})
		asError(t, err, revoxapi.KindNotFound)
	}
	if server.RequestCount() != asked {
		t.Error("an ID that cannot be one was sent")
	}
}

func TestNewClientRefusesWhatCannotWork(t *testing.T) {
	key := revoxapi.StaticKey("k")
	for _, url := range []string{"", "api.example", "ftp://h/", "http://", "http://:80", "http://user:canary@h/", "http://h/?q=canary", "http://h/#canary", "http://h/%zzcanary"} {
		if _, err := revoxapi.NewClient(key, revoxapi.WithBaseURL(url)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("base URL %q: %v", url, err)
		}
	}
	for name, opt := range map[string]revoxapi.Option{
		"timeout": revoxapi.WithTimeout(0), "retries": revoxapi.WithMaxRetries(-1), "in flight": revoxapi.WithMaxInFlight(0),
		"rate": revoxapi.WithMaxRequestsPerSecond(-1), "rate NaN": revoxapi.WithMaxRequestsPerSecond(math.NaN()), "size": revoxapi.WithMaxResponseBytes(0), "rows": revoxapi.WithMaxRows(0),
	} {
		if _, err := revoxapi.NewClient(key, opt); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestRequestsInFlightStayWithinTheLimit(t *testing.T) {
	server := newServer(t, revoxtest.WithLatency(2*time.Millisecond))
	server.SetRows(campaignID, "c", makeRows(0, 60))
	client := newClient(t, server.URL, revoxapi.WithMaxInFlight(2))
	var wait sync.WaitGroup
	for range 6 {
		wait.Go(func() {
			if ids, _, err := readAll(client, revoxapi.RowsParams{PageSize: 10}); err != nil || len(ids) != 60 {
				t.Errorf("%d rows, %v", len(ids), err)
			}
		})
	}
	wait.Wait()
	if most := server.MaxInFlight(); most != 2 {
		t.Errorf("%d requests in flight, want 2", most)
	}
}

func TestRequestsAreSpaced(t *testing.T) {
	clock := newHurry()
	server := newServer(t, revoxtest.WithNow(clock.Now))
	server.SetRows(campaignID, "c", makeRows(0, 45))
	client := newClient(t, server.URL, revoxapi.WithClock(clock), revoxapi.WithMaxRequestsPerSecond(4), revoxapi.WithMaxInFlight(1))
	mustReadAll(t, client, revoxapi.RowsParams{PageSize: 10}, makeRows(0, 45))
	requests := server.Requests()
	for i := 1; i < len(requests); i++ {
		if gap := requests[i].Time.Sub(requests[i-1].Time); gap != 250*time.Millisecond {
			t.Errorf("request %d came %s after the one before", i, gap)
		}
	}
}

// cancelsFirst is a clock on which the first wait is cut short.
type cancelsFirst struct {
	*hurry
	cancel func()
}

func (c *cancelsFirst) Sleep(ctx context.Context, d time.Duration) error {
	if d > 0 && c.cancel != nil {
		c.cancel()
		c.cancel = nil
	}
	return c.hurry.Sleep(ctx, d)
}

func TestARequestThatIsNotSentDelaysNoOther(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	clock := &cancelsFirst{newHurry(), cancel}
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 1))
	client := newClient(t, server.URL, revoxapi.WithClock(clock), revoxapi.WithMaxRequestsPerSecond(0.1))
	if err := getPage(ctx, client); err != nil {
		t.Fatal(err)
	}
	asError(t, getPage(ctx, client), revoxapi.KindCanceled)
	if err := getPage(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if waits := clock.waits(); len(waits) != 1 || waits[0] != 10*time.Second {
		t.Errorf("waited %v", waits)
	}
}

func TestTimeoutLastsToTheLastByte(t *testing.T) {
	for name, behavior := range map[string]revoxtest.Behavior{
		"no answer": revoxtest.Hang(), "half an answer": revoxtest.HangInBody(), "a slow answer": revoxtest.Drip(100, 20*time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", makeRows(0, 100))
			server.AddFault(revoxtest.Fault{Behavior: behavior})
			client := newClient(t, server.URL, revoxapi.WithTimeout(100*time.Millisecond), revoxapi.WithMaxRetries(1))
			_, _, err := readAll(client, revoxapi.RowsParams{})
			if e := asError(t, err, revoxapi.KindTimeout); !strings.Contains(e.Error(), "100ms") || server.RequestCount() != 2 {
				t.Errorf("%v after %d requests", e, server.RequestCount())
			}
		})
	}
}

// An answer that would have come whole over a faster link is told from none, whether or not its length is known.
func TestTimeoutSaysHowFastTheAnswerCame(t *testing.T) {
	for length, want := range map[string]string{
		"":      "no whole answer within 100ms: 12 B came, which is 120 B a second; it needs more, or a longer timeout",
		"24000": "no whole answer within 100ms: 12 B of 24.0 kB came, which is 120 B a second; it needs 240.0 kB a second, or a longer timeout",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			_, _ = io.WriteString(w, `{"rows":[   `) // an error means that the client is gone
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		client := newClient(t, server.URL, revoxapi.WithTimeout(100*time.Millisecond), revoxapi.WithMaxRetries(0))
		_, err := client.Page(t.Context(), campaignID, revoxapi.RowsParams{})
		server.Close()
		if e := asError(t, err, revoxapi.KindTimeout); !strings.HasSuffix(e.Error(), want) {
			t.Errorf("the error is %q, want %q at its end", e, want)
		}
	}
}

// Pages are read ahead. If one of them is wrong, the others are given up.
func TestTraceReportsNoRequestThatWasGivenUp(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 90))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(2), Behavior: revoxtest.Hang()})
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Behavior: revoxtest.Status(401, nil, "")})
	var mu sync.Mutex
	var codes []int
	client := newClient(t, server.URL, revoxapi.WithTrace(revoxapi.Trace{Request: func(r revoxapi.RequestTrace) {
		mu.Lock()
		defer mu.Unlock()
		codes = append(codes, r.StatusCode)
	}}))
	for _, err := range revoxapi.Rows[revoxapi.Row](t.Context(), client, campaignID, revoxapi.RowsParams{PageSize: 10}) {
		if err != nil {
			asError(t, err, revoxapi.KindAuth)
		}
	}
	client.CloseIdleConnections()
	mu.Lock()
	defer mu.Unlock()
	if slices.Contains(codes, 0) || !slices.Contains(codes, 401) {
		t.Errorf("the trace reports %v", codes)
	}
}

func TestTraceReportsEachRequestOnce(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 60))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Times: 1, Behavior: revoxtest.Status(503, nil, "busy")})
	var reported []revoxapi.RequestTrace
	var retries []revoxapi.RetryTrace
	client := newClient(t, server.URL, revoxapi.WithRandom(func() float64 { return 0 }), revoxapi.WithTrace(revoxapi.Trace{
		Request: func(r revoxapi.RequestTrace) { r.Duration = 0; reported = append(reported, r) },
		Retry:   func(r revoxapi.RetryTrace) { retries = append(retries, r) },
	}))
	if _, err := client.Page(context.Background(), campaignID, revoxapi.RowsParams{}); err != nil {
		t.Fatal(err)
	}

	request, _ := http.NewRequest(http.MethodGet, server.URL+"/campaigns/"+campaignID+"/rows?page=0&page_size=100", nil)
	request.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	compressed, _ := io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal("the server does not compress")
	}

	server.Close()
	_, err = client.Page(context.Background(), campaignID, revoxapi.RowsParams{})
	asError(t, err, revoxapi.KindConnection)
	want := []revoxapi.RequestTrace{
		{Endpoint: "rows", CampaignID: campaignID, StatusCode: 503, BodyBytes: 4},
		{Endpoint: "rows", CampaignID: campaignID, StatusCode: 200, BodyBytes: compressed},
	}
	for range 3 {
		want = append(want, revoxapi.RequestTrace{Endpoint: "rows", CampaignID: campaignID})
	}
	if !slices.Equal(reported, want) {
		t.Errorf("reported %+v\nwant %+v", reported, want)
	}
	wantRetries := []revoxapi.RetryTrace{
		{Endpoint: "rows", Reason: revoxapi.KindServerError, Wait: 500 * time.Millisecond},
		{Endpoint: "rows", Reason: revoxapi.KindConnection, Wait: 500 * time.Millisecond},
		{Endpoint: "rows", Reason: revoxapi.KindConnection, Wait: time.Second},
	}
	if !slices.Equal(retries, wantRetries) {
		t.Errorf("reported %+v\nwant %+v", retries, wantRetries)
	}
}

// Bodies are read to their end and closed, so that one connection serves all requests, refusals included.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var mu sync.Mutex
	from := map[string]bool{}
	n := 0
	url := handler(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr] = true
		if n++; n%2 == 0 {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, strings.Repeat("x", 20_000))
			return
		}
		fmt.Fprint(w, `{"rows":[]}  `+"\n")
	})
	client := newClient(t, url)
	for range 6 {
		_, _ = client.Page(context.Background(), campaignID, revoxapi.RowsParams{})
	}
	mu.Lock()
	defer mu.Unlock()
	if len(from) != 1 || n != 6 {
		t.Errorf("%d connections for %d requests", len(from), n)
	}
}

// A cache that answers itself may only do so with what is young, and says how old that is in seconds.
func TestOldAnswersOfCachesAreNotUsed(t *testing.T) {
	for age, old := range map[string]bool{
		"": false, "0": false, "300": false, "301": true, "2147483647": true,
		"-1": false, "99999999999999999999": false, "1e9": false, canary: false,
	} {
		t.Run(age, func(t *testing.T) {
			api := newServer(t)
			api.SetRows(campaignID, "c", makeRows(0, 3))
			cache := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Age", age)
				api.Handler().ServeHTTP(w, r)
			}))
			t.Cleanup(cache.Close)
			client := newClient(t, cache.URL+"/api")
			if old {
				checkText(t, ask(t, client, revoxapi.KindBadResponse), api)
			} else {
				mustReadAll(t, client, revoxapi.RowsParams{}, makeRows(0, 3))
			}
		})
	}
}
