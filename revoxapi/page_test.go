package revoxapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestPageIsWhole(t *testing.T) {
	server := newServer(t, revoxtest.WithPageSizeCap(50))
	server.SetRows(campaignID, "c", makeRows(0, 170))
	client := newClient(t, server.URL)
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Times: 1, Behavior: revoxtest.CutBody()})
	for _, test := range []struct{ number, rows int }{{3, 20}, {0, 50}, {9, 0}} {
		p, err := revoxapi.Page[row](t.Context(), client, campaignID, revoxapi.RowsParams{Page: test.number})
		if err != nil {
			t.Fatal(err)
		}
		if int(*p.Page) != test.number || *p.PageSize != 50 || *p.Total != 170 || p.Rows == nil || len(p.Rows) != test.rows || p.Overfull {
			t.Errorf("page %d: %+v", test.number, p)
		}
		for i, r := range p.Rows {
			if r.ID != idOf(50*test.number+i) {
				t.Errorf("page %d, row %d: %s", test.number, i, r.ID)
			}
		}
	}
}

func TestPageWithoutPaging(t *testing.T) {
	server := newServer(t, revoxtest.WithRowsOnly())
	server.SetRows(campaignID, "c", makeRows(0, 3))
	p, err := newClient(t, server.URL).Page(t.Context(), campaignID, revoxapi.RowsParams{})
	if err != nil || p.Page != nil || p.PageSize != nil || p.Total != nil || len(p.Rows) != 3 {
		t.Errorf("%v, %+v", err, p)
	}
}

func TestPageNeedsRowsWithIDs(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", append(makeRows(0, 3), json.RawMessage(`{"row_index":1}`)))
	_, err := newClient(t, server.URL).Page(t.Context(), campaignID, revoxapi.RowsParams{})
	if e := asError(t, err, revoxapi.KindBadResponse); e.Page != 0 || e.CampaignID != campaignID || e.StatusCode != 200 {
		t.Errorf("%+v", e)
	}
}

// A server that sends all rows whatever is asked for does not fill the memory.
func TestPageKeepsOnlyTheFirstRowsOfAHugePage(t *testing.T) {
	server := newServer(t, revoxtest.WithRowsOnly())
	server.SetRows(campaignID, "c", makeRows(0, 3000))
	client := newClient(t, server.URL)
	for size, kept := range map[int]int{0: 1000, 100: 1000, 1000: 2000, 1500: 3000} {
		p, err := revoxapi.Page[row](t.Context(), client, campaignID, revoxapi.RowsParams{PageSize: size})
		if err != nil || p.Overfull != (kept < 3000) || len(p.Rows) != kept || p.Rows[kept-1].ID != idOf(kept-1) {
			t.Errorf("size %d: %v, %d rows, overfull %v", size, err, len(p.Rows), p.Overfull)
		}
	}
}

// OnPage comes after the rows of its page, those of a try that broke off included.
func TestOnPageFollowsTheRowsOfItsPage(t *testing.T) {
	server := newServer(t, revoxtest.WithFirstPage(1))
	server.SetRows(campaignID, "c", makeRows(0, 25))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(2), Times: 1, Behavior: revoxtest.CutBody()})
	var ids, pages []string
	onPage := func(o *apirequest.Options) {
		o.OnPage = func(p apirequest.Page) {
			pages = append(pages, fmt.Sprintf("pass %d page %d/%d of %d: %d rows, %d fresh, %s", p.Pass, p.Asked, *p.PageSize, *p.Total, p.Rows, p.Fresh, ids[0]))
			ids = nil
		}
	}
	for r, err := range revoxapi.Rows[row](t.Context(), newClient(t, server.URL), campaignID, revoxapi.RowsParams{PageSize: 10}, onPage) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	want := []string{
		"pass 1 page 1/10 of 25: 10 rows, 10 fresh, row-00000", "pass 1 page 2/10 of 25: 10 rows, 10 fresh, row-00010",
		"pass 1 page 3/10 of 25: 5 rows, 5 fresh, row-00020",
	}
	if !slices.Equal(pages, want) {
		t.Errorf("got %q, want %q", pages, want)
	}
}

// Rows are fresh once in each pass.
func TestOnPageCountsPasses(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 3))
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(4)})
	var pages []string
	onPage := func(o *apirequest.Options) {
		o.OnPage = func(p apirequest.Page) {
			pages = append(pages, fmt.Sprintf("%d: page %d, %d of %d rows", p.Pass, p.Asked, p.Fresh, p.Rows))
		}
	}
	if _, summary, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{PageSize: 2}, onPage); err != nil || summary.Missing != 1 {
		t.Fatalf("%v, %+v", err, summary)
	}
	want := []string{"1: page 0, 2 of 2 rows", "1: page 1, 1 of 1 rows", "1: page 2, 0 of 0 rows",
		"2: page 0, 2 of 2 rows", "2: page 1, 1 of 1 rows", "2: page 2, 0 of 0 rows"}
	if !slices.Equal(pages, want) {
		t.Errorf("got %q, want %q", pages, want)
	}
}
