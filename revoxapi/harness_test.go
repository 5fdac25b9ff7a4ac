package revoxapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, badserver.Stuck()) }

const campaignID = "0c7c1d8e-campaign"

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// newServer starts a simulated API that ends with the test.
func newServer(t testing.TB, opts ...revoxtest.Option) *revoxtest.Server {
	t.Helper()
	s := revoxtest.NewServer(opts...)
	t.Cleanup(s.Close)
	return s
}

// newClient makes a client of the API at url whose waits are over at once, unless opts say otherwise.
func newClient(t testing.TB, url string, opts ...revoxapi.Option) *revoxapi.Client {
	t.Helper()
	return newClientWithKey(t, revoxapi.StaticKey(revoxtest.APIKey), url, opts...)
}

func newClientWithKey(t testing.TB, key revoxapi.KeySource, url string, opts ...revoxapi.Option) *revoxapi.Client {
	t.Helper()
	opts = append([]revoxapi.Option{revoxapi.WithBaseURL(url), revoxapi.WithClock(newHurry())}, opts...)
	client, err := revoxapi.NewClient(key, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// hurry is a clock on which every wait is over at once. It remembers how long they were.
type hurry struct {
	*revoxtest.Clock

	mu    sync.Mutex
	slept []time.Duration
}

func newHurry() *hurry { return &hurry{Clock: revoxtest.NewClock(start)} }

func (h *hurry) Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil || d <= 0 {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slept = append(h.slept, d)
	h.Advance(d)
	return nil
}

func (h *hurry) waits() []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.slept)
}

// row is as little of a row as Rows needs.
type row struct {
	ID string `json:"id"`
}

func (r row) RowID() string { return r.ID }

func idOf(i int) string { return fmt.Sprintf("row-%05d", i) }

// makeRows returns rows number from to before to.
func makeRows(from, to int) []json.RawMessage {
	rows := []json.RawMessage{}
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Appendf(nil, `{"id":%q,"input_data":{"name":"n"},"phone_number":"+33600000000","row_index":%d}`, idOf(i), i))
	}
	return rows
}

func idsOf(rows []json.RawMessage) []string {
	ids := []string{}
	for _, raw := range rows {
		var r row
		if err := json.Unmarshal(raw, &r); err != nil {
			panic(err)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// readAll returns the ids of the rows that Rows yields, sorted.
func readAll(client *revoxapi.Client, params revoxapi.RowsParams, opts ...revoxapi.RequestOption) (ids []string, summary revoxapi.RowsSummary, err error) {
	ids = []string{}
	opts = append(opts, revoxapi.WithSummary(&summary))
	for r, rowErr := range revoxapi.Rows[row](context.Background(), client, campaignID, params, opts...) {
		if rowErr != nil {
			err = rowErr
			continue // to find out whether anything comes after an error
		}
		if err != nil {
			panic("a row after an error")
		}
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids, summary, err
}

// getPage reads one page with all fields, as most users would.
func getPage(ctx context.Context, client *revoxapi.Client) error {
	_, err := client.Page(ctx, campaignID, revoxapi.RowsParams{})
	return err
}

// mustReadAll demands that Rows yields exactly the wanted rows, each once.
func mustReadAll(t testing.TB, client *revoxapi.Client, params revoxapi.RowsParams, want []json.RawMessage) revoxapi.RowsSummary {
	t.Helper()
	got, summary, err := readAll(client, params)
	if err != nil {
		t.Fatalf("Rows: %v", err)
	}
	wantIDs := idsOf(want)
	slices.Sort(wantIDs)
	if !slices.Equal(got, wantIDs) {
		without := func(ids, others []string) []string {
			return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(others, id) })
		}
		t.Fatalf("Rows yielded %d rows, not the %d there are\nlost %v\ninvented %v", len(got), len(wantIDs), without(wantIDs, got), without(got, wantIDs))
	}
	if summary.Rows != len(want) {
		t.Fatalf("summary says %d rows, want %d", summary.Rows, len(want))
	}
	return summary
}

// pagesAsked lists the `page` of every request for rows, in order.
func pagesAsked(s *revoxtest.Server) string {
	var pages []string
	for _, r := range s.Requests() {
		pages = append(pages, r.Query.Get("page"))
	}
	return strings.Join(pages, " ")
}

// asError demands that err is an *Error of the given kind.
func asError(t testing.TB, err error, kind revoxapi.ErrorKind) *revoxapi.Error {
	t.Helper()
	var e *revoxapi.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is not an *Error", err, err)
	}
	if e.Kind != kind {
		t.Fatalf("error is of kind %q, want %q: %v", e.Kind, kind, err)
	}
	if e.Err == nil {
		t.Fatal("the error wraps nothing")
	}
	return e
}

// handler is a server whose answers are a test's own.
func handler(t testing.TB, f http.HandlerFunc) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() { _ = server.Close(); done.Wait() })
	return "http://" + listener.Addr().String()
}

// rawServer answers each connection's first request with these bytes and closes it.
func rawServer(t testing.TB, answer string) (url string) {
	t.Helper()
	return "http://" + badserver.Raw(t, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, answer)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
