package paging_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestLayoutIsHowRowsLieOnPages(t *testing.T) {
	for _, test := range []struct {
		name          string
		opts          []revoxtest.Option
		rows          int
		first, second string // the layouts that the first and the second scan of a client find
	}{
		{"250 rows", nil, 250, "0 100 250", "0 100 250"},
		{"full pages", nil, 200, "0 100 200", "0 100 200"},
		{"one row", nil, 1, "0 100 1", "0 100 1"},
		{"no rows", nil, 0, "none", "none"},
		{"first page 1", []revoxtest.Option{revoxtest.WithFirstPage(1)}, 250, "1 100 250", "1 100 250"},
		{"page 0 is page 1", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()}, 250,
			"none", "1 100 250"},
		{"page 0 is page 1, echoed", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}, 250,
			"1 100 250", "1 100 250"},
		{"capped", []revoxtest.Option{revoxtest.WithPageSizeCap(80)}, 250, "0 80 250", "0 80 250"},
		{"no total", []revoxtest.Option{revoxtest.WithoutTotal()}, 250, "none", "none"},
		{"rows only", []revoxtest.Option{revoxtest.WithRowsOnly()}, 250, "none", "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(t, test.opts...)
			server.SetRows(campaignID, "c", makeRows(0, test.rows))
			client := newClient(t, server.URL)
			for _, want := range []string{test.first, test.second} {
				if got := layoutOf(t, client); got != want {
					t.Errorf("layout %s, want %s", got, want)
				}
			}
		})
	}
}

// layoutOf reads a campaign and returns its layout as text.
func layoutOf(t *testing.T, client *revoxapi.Client) string {
	t.Helper()
	var finder paging.LayoutFinder
	var summary revoxapi.RowsSummary
	onPage := func(o *apirequest.Options) { o.OnPage = finder.Saw }
	for _, err := range revoxapi.Rows[row](t.Context(), client, campaignID, revoxapi.RowsParams{},
		onPage, revoxapi.WithSummary(&summary)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	layout, ok := finder.Found(summary.Rows)
	if !ok {
		return "none"
	}
	return fmt.Sprint(layout.FirstPage, layout.PageSize, layout.Total)
}

func wantNoLayout(t *testing.T, server *revoxtest.Server) {
	t.Helper()
	if got := layoutOf(t, newClient(t, server.URL)); got != "none" {
		t.Errorf("layout %s, want none", got)
	}
}

func TestThereIsNoLayoutIfRowsMove(t *testing.T) {
	mangled := func(page int, change func([]json.RawMessage) []json.RawMessage) revoxtest.Fault {
		return revoxtest.Fault{Page: revoxtest.Page(page), Behavior: revoxtest.MangleRows(change)}
	}
	rows := makeRows(0, 250)
	twice := append(makeRows(0, 130), makeRows(0, 120)...)
	for name, behavior := range map[string]revoxtest.Fault{
		"total is less":         {Behavior: revoxtest.LyingTotal(200)},
		"total is more":         {Behavior: revoxtest.LyingTotal(260)},
		"total differs once":    {Page: revoxtest.Page(1), Behavior: revoxtest.LyingTotal(260)},
		"no total once":         {Page: revoxtest.Page(1), Behavior: revoxtest.WithoutField("total")},
		"page size differs":     {Page: revoxtest.Page(1), Behavior: revoxtest.SetField("page_size", "101")},
		"page size of the last": {Page: revoxtest.Page(2), Behavior: revoxtest.SetField("page_size", "101")},
		"page size too small":   {Behavior: revoxtest.SetField("page_size", "99")},
		"another page":          {Page: revoxtest.Page(1), Behavior: revoxtest.SetField("page", "2")},
		"an earlier row twice":  mangled(2, func(r []json.RawMessage) []json.RawMessage { return append(r, rows[0]) }),
		"a row twice":           mangled(2, func(r []json.RawMessage) []json.RawMessage { return append(r, r[0]) }),
		"a short page":          mangled(0, func(r []json.RawMessage) []json.RawMessage { return r[:len(r)-1] }),
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", rows)
			server.AddFault(behavior)
			wantNoLayout(t, server)
		})
	}
	t.Run("a page too large to be read ahead", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1000))
		server.AddFault(mangled(3, func(rows []json.RawMessage) []json.RawMessage {
			return append(rows, makeRows(1000, 1101)...)
		}))
		wantNoLayout(t, server)
	})
	t.Run("rows given twice", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", twice)
		wantNoLayout(t, server)
	})
	t.Run("a row missing at the end of a page starts the next page", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", rows)
		for page, here := range [][]json.RawMessage{makeRows(0, 99), makeRows(99, 199), makeRows(199, 250)} {
			server.AddFault(mangled(page, func([]json.RawMessage) []json.RawMessage { return here }))
		}
		wantNoLayout(t, server)
	})
	t.Run("found in the second pass", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", rows)
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Times: 1, Behavior: revoxtest.Status(404, nil, "")})
		wantNoLayout(t, server)
	})
	t.Run("a row disappears between two attempts to read a page", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 120))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Times: 1, Behavior: revoxtest.CutBody()})
		tries := 0
		server.OnPage(func(_ string, page int) {
			if page == 1 {
				if tries++; tries == 2 {
					server.SetRows(campaignID, "", append(makeRows(0, 100), makeRows(200, 220)...))
				}
			}
		})
		wantNoLayout(t, server)
		if tries < 2 {
			t.Errorf("%d tries, want 2 or more", tries)
		}
	})
}

func TestPagesOfALayout(t *testing.T) {
	for total, want := range map[int]int{1: 1, 99: 1, 100: 1, 101: 2, 200: 2, 250: 3} {
		if got := (paging.Layout{PageSize: 100, Total: total}).Pages(); got != want {
			t.Errorf("%d pages of %d rows, want %d", got, total, want)
		}
	}
}
