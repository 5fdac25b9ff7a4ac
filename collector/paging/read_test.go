package paging_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// readPages returns the pages that Read yields.
func readPages(client *revoxapi.Client, size int, pages ...paging.Request) (results []paging.Page[row], err error) {
	pages = slices.Clone(pages)
	for i := range pages {
		pages[i].Size = size
	}
	for p, err := range paging.Read[row](context.Background(), client, campaignID, pages) {
		if err != nil {
			return results, err
		}
		results = append(results, p)
	}
	return results, nil
}

func TestReadKeepsTheOrderOfRequests(t *testing.T) {
	server := newServer(t, revoxtest.WithPageSizeCap(50))
	server.SetRows(campaignID, "c", makeRows(0, 170))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Times: 1, Behavior: revoxtest.CutBody()})
	requests := []paging.Request{{Number: 3}, {Number: 0}, {Number: 9}, {Number: 0}}
	results, err := readPages(newClient(t, server.URL), 100, requests...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range results {
		first := "none"
		if len(p.Rows) > 0 {
			first = p.Rows[0].ID
		}
		got = append(got, fmt.Sprintf("page %d (%d, %d of %d): %d rows, first %s",
			p.Number, *p.Page, *p.RowsPage.PageSize, *p.Total, len(p.Rows), first))
	}
	want := []string{
		"page 3 (3, 50 of 170): 20 rows, first row-00150", "page 0 (0, 50 of 170): 50 rows, first row-00000",
		"page 9 (9, 50 of 170): 0 rows, first none", "page 0 (0, 50 of 170): 50 rows, first row-00000",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReadEndsAtTheFirstError(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 350))
	pages := []paging.Request{{Number: 0}, {Number: 1}, {Number: 2}, {Number: 3}}
	many := slices.Repeat(pages, 10)
	t.Run("the API refuses the key", func(t *testing.T) {
		defer server.AddFault(revoxtest.Fault{Page: revoxtest.Page(2), Behavior: revoxtest.Status(401, nil, "")})()
		results, err := readPages(newClient(t, server.URL), 100, pages...)
		if e := asError(t, err, revoxapi.KindAuth); e.Page != 2 || len(results) != 2 {
			t.Errorf("%v after %d pages", e, len(results))
		}
	})
	t.Run("the caller leaves the loop", func(t *testing.T) {
		before := server.RequestCount()
		n := 0
		for range paging.Read[row](t.Context(), newClient(t, server.URL), campaignID, many) {
			if n++; n == 2 {
				break
			}
		}
		if asked := server.RequestCount() - before; n != 2 || asked > 6 {
			t.Errorf("%d pages, %d requests", n, asked)
		}
	})
	t.Run("rows without an id", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", append(makeRows(0, 3), json.RawMessage(`{"row_index":1}`)))
		_, err := readPages(newClient(t, server.URL), 100, pages...)
		asError(t, err, revoxapi.KindBadResponse)
	})
	t.Run("the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for _, err := range paging.Read[row](ctx, newClient(t, server.URL), campaignID, many) {
			cancel()
			last = err
		}
		asError(t, last, revoxapi.KindCanceled)
	})
}

func TestReadFiltersByStatus(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", []json.RawMessage{
		json.RawMessage(`{"id": "a", "call": {"status": "completed"}}`), json.RawMessage(`{"id": "b", "call": {"status": "calling"}}`),
		json.RawMessage(`{"id": "c"}`), json.RawMessage(`{"id": "d", "call": {"status": "calling"}}`),
	})
	results, err := readPages(newClient(t, server.URL), 1, paging.Request{Number: 1, Status: "calling"})
	if err != nil || len(results) != 1 || len(results[0].Rows) != 1 || results[0].Rows[0].ID != "d" || *results[0].Total != 2 {
		t.Errorf("%+v %v", results, err)
	}
}

// Read reads as many pages at once as the client allows, and asks for no more until the first one was taken.
func TestSeveralPagesAreReadAtOnce(t *testing.T) {
	for _, inFlight := range []int{1, 3} {
		server := newServer(t, revoxtest.WithLatency(2*time.Millisecond))
		server.SetRows(campaignID, "c", makeRows(0, 400))
		var taken atomic.Int64
		server.OnPage(func(_ string, page int) {
			if ahead := int64(page) - taken.Load(); ahead >= int64(inFlight) {
				t.Errorf("page %d was requested when only %d pages were taken", page, taken.Load())
			}
		})
		var requests []paging.Request
		for number := range 40 {
			requests = append(requests, paging.Request{Number: number, Size: 10})
		}
		client := newClient(t, server.URL, revoxapi.WithMaxInFlight(inFlight))
		for p, err := range paging.Read[row](t.Context(), client, campaignID, requests) {
			if err != nil || p.Rows[0].ID != idOf(10*p.Number) || p.Number != int(taken.Load()) {
				t.Fatalf("page %d: %v", p.Number, err)
			}
			taken.Add(1)
		}
		if taken.Load() != 40 || server.MaxInFlight() != inFlight {
			t.Errorf("%d pages, %d requests at once, want 40 and %d", taken.Load(), server.MaxInFlight(), inFlight)
		}
	}
}

// Options apply to each page.
func TestReadPassesOptionsOn(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 30))
	var asked atomic.Int64
	low := func(o *apirequest.Options) { o.LowPriority = func() bool { asked.Add(1); return true } }
	pages := []paging.Request{{Number: 0, Size: 10}, {Number: 1, Size: 10}, {Number: 2, Size: 10}}
	for _, err := range paging.Read[row](t.Context(), newClient(t, server.URL), campaignID, pages, low) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if asked.Load() != 3 {
		t.Errorf("asked for the priority %d times, want 3", asked.Load())
	}
}
