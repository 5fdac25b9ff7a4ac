package revoxapi_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Rows without end are read up to a limit, whether they come on pages, pages read ahead, or all on one.
func TestRowsReadsNoMoreRowsThanTheLimit(t *testing.T) {
	for name, opts := range map[string][]revoxtest.Option{"pages": {revoxtest.WithoutTotal()}, "pages read ahead": nil, "one page": {revoxtest.WithRowsOnly()}} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, opts...)
			server.SetRows(campaignID, "c", makeRows(0, 250))
			ids, summary, err := readAll(newClient(t, server.URL, revoxapi.WithMaxRows(249)), revoxapi.RowsParams{PageSize: 10})
			if e := asError(t, err, revoxapi.KindIncomplete); e.CampaignID != campaignID || e.Page != -1 || len(ids) != 249 {
				t.Errorf("%v after %d rows: %+v", e, len(ids), summary)
			}
			mustReadAll(t, newClient(t, server.URL, revoxapi.WithMaxRows(250)), revoxapi.RowsParams{PageSize: 10}, makeRows(0, 250))
		})
	}
}

// What a try that broke off has yielded is not yielded again, and nothing is lost.
func TestRowsRetriesWithinAPage(t *testing.T) {
	for name, behavior := range map[string]revoxtest.Behavior{
		"cut": revoxtest.CutBody(), "cut JSON": revoxtest.CutJSON(), "cut gzip": revoxtest.CutGzip(), "cut zstd": revoxtest.CutZstd(), "reset": revoxtest.ResetInBody(),
	} {
		for _, page := range []int{0, 1, 2} {
			t.Run(fmt.Sprintf("page %d %s twice", page, name), func(t *testing.T) {
				server := newServer(t)
				rows := makeRows(0, 250)
				server.SetRows(campaignID, "c", rows)
				server.AddFault(revoxtest.Fault{Page: revoxtest.Page(page), Times: 2, Behavior: behavior})
				summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows)
				if summary.Pages != 3 || summary.Duplicates != 0 || server.RequestCount() != 5 {
					t.Errorf("%+v after %d requests", summary, server.RequestCount())
				}
			})
		}
	}
	t.Run("the rows moved between the tries", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 150))
		remove := server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Times: 1, Behavior: revoxtest.CutBody()})
		defer remove()
		var tries atomic.Int64
		server.OnPage(func(string, int) {
			if tries.Add(1) == 2 {
				server.SetRows(campaignID, "", reversed(makeRows(0, 150)))
			}
		})
		mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, makeRows(0, 150))
	})
}

// Leaving the loop asks for nothing more, whether the row came with the first page or with one that was read ahead.
func TestLeavingTheLoopEndsTheReading(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 250))
	client := newClient(t, server.URL, revoxapi.WithMaxInFlight(1))
	for _, last := range []int{1, 100, 130, 250} {
		before, rows := server.RequestCount(), 0
		var summary revoxapi.RowsSummary
		for _, err := range revoxapi.Rows[row](t.Context(), client, campaignID, revoxapi.RowsParams{}, revoxapi.WithSummary(&summary)) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; rows == last {
				break
			}
		}
		if asked, want := server.RequestCount()-before, (last+99)/100; rows != last || asked != want || summary.Rows != last {
			t.Errorf("%d rows and %d requests, want %d and %d: %+v", rows, asked, last, want, summary)
		}
	}
}

// Each loop over one iterator is a reading of its own.
func TestAnIteratorCanBeUsedAgain(t *testing.T) {
	server := newServer(t)
	client := newClient(t, server.URL)
	rows := client.Rows(t.Context(), campaignID, revoxapi.RowsParams{PageSize: 10})
	for _, n := range []int{25, 31} {
		server.SetRows(campaignID, "c", makeRows(0, n))
		got := 0
		for r, err := range rows {
			if err != nil || r.ID != idOf(got) {
				t.Fatalf("%v: %q", err, r.ID)
			}
			got++
		}
		if got != n {
			t.Errorf("%d rows, want %d", got, n)
		}
	}
}
