package revoxapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// readPages returns what ReadPages hands over.
func readPages(client *revoxapi.Client, size int, pages ...revoxapi.PageRequest) (results []revoxapi.PageResult[row], err error) {
	err = revoxapi.ReadPages(context.Background(), client, campaignID, revoxapi.RowsParams{PageSize: size}, pages, func(p revoxapi.PageResult[row]) error {
		results = append(results, p)
		return nil
	})
	return results, err
}

func TestLayoutSaysHowRowsLieOnPages(t *testing.T) {
	for _, test := range []struct {
		name          string
		opts          []revoxtest.Option
		rows          int
		first, second string // the layout that the first and the second scan of a client find
	}{
		{"250 rows", nil, 250, "0 100 250", "0 100 250"},
		{"full pages", nil, 200, "0 100 200", "0 100 200"},
		{"one row", nil, 1, "0 100 1", "0 100 1"},
		{"no rows", nil, 0, "none", "none"},
		{"first page 1", []revoxtest.Option{revoxtest.WithFirstPage(1)}, 250, "1 100 250", "1 100 250"},
		{"page 0 is page 1", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()}, 250, "none", "1 100 250"},
		{"page 0 is page 1, unsaid", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}, 250, "1 100 250", "1 100 250"},
		{"capped", []revoxtest.Option{revoxtest.WithPageSizeCap(80)}, 250, "0 80 250", "0 80 250"},
		{"no total", []revoxtest.Option{revoxtest.WithoutTotal()}, 250, "none", "none"},
		{"rows only", []revoxtest.Option{revoxtest.WithRowsOnly()}, 250, "none", "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(t, test.opts...)
			server.SetRows(campaignID, "c", makeRows(0, test.rows))
			client := newClient(t, server.URL)
			for _, want := range []string{test.first, test.second} {
				summary := mustReadAll(t, client, revoxapi.RowsParams{}, makeRows(0, test.rows))
				if got := layoutText(summary.Layout); got != want {
					t.Errorf("layout %s, want %s", got, want)
				}
			}
		})
	}
}

func layoutText(l *revoxapi.PageLayout) string {
	if l == nil {
		return "none"
	}
	return fmt.Sprint(l.FirstPage, l.PageSize, l.Total)
}

func TestThereIsNoLayoutWhereRowsDoNotLieStill(t *testing.T) {
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
		"an earlier row twice":  {Page: revoxtest.Page(2), Behavior: revoxtest.MangleRows(func(r []json.RawMessage) []json.RawMessage { return append(r, rows[0]) })},
		"a row twice":           {Page: revoxtest.Page(2), Behavior: revoxtest.MangleRows(func(r []json.RawMessage) []json.RawMessage { return append(r, r[0]) })},
		"a short page":          {Page: revoxtest.Page(0), Behavior: revoxtest.MangleRows(func(r []json.RawMessage) []json.RawMessage { return r[:len(r)-1] })},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", rows)
			server.AddFault(behavior)
			if _, summary, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{}); err != nil || summary.Layout != nil {
				t.Errorf("%v, layout %s", err, layoutText(summary.Layout))
			}
		})
	}
	t.Run("rows given twice", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", twice)
		if summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, makeRows(0, 130)); summary.Layout != nil {
			t.Errorf("layout %s", layoutText(summary.Layout))
		}
	})
	t.Run("a page that is short of a row, which begins the next", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", rows)
		for page, here := range [][]json.RawMessage{makeRows(0, 99), makeRows(99, 199), makeRows(199, 250)} {
			server.AddFault(revoxtest.Fault{Page: revoxtest.Page(page), Behavior: revoxtest.MangleRows(func([]json.RawMessage) []json.RawMessage { return here })})
		}
		if summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows); summary.Layout != nil {
			t.Errorf("layout %s", layoutText(summary.Layout))
		}
	})
	t.Run("found in the second pass", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", rows)
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Times: 1, Behavior: revoxtest.Status(404, nil, "")})
		if summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows); summary.Layout != nil {
			t.Errorf("layout %s", layoutText(summary.Layout))
		}
	})
	t.Run("a row gone between two tries of a page", func(t *testing.T) {
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
		_, summary, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
		if err != nil || summary.Layout != nil || summary.Rows <= 120 {
			t.Errorf("%v, %+v", err, summary)
		}
	})
}

func TestAllPagesTellsWhereEachRowIs(t *testing.T) {
	server := newServer(t, revoxtest.WithFirstPage(1))
	server.SetRows(campaignID, "c", makeRows(0, 25))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(2), Times: 1, Behavior: revoxtest.CutBody()})
	pages := map[string]int{}
	_, err := revoxapi.AllPages(context.Background(), newClient(t, server.URL), campaignID, revoxapi.RowsParams{PageSize: 10}, func(page int, r row) error {
		pages[r.ID] = page
		return nil
	})
	if err != nil || len(pages) != 25 {
		t.Fatalf("%v, %d rows", err, len(pages))
	}
	for i := range 25 {
		if got, want := pages[idOf(i)], 1+i/10; got != want {
			t.Errorf("row %d was found on page %d, want %d", i, got, want)
		}
	}
}

func TestReadPagesReadsWhatIsAskedInThatOrder(t *testing.T) {
	server := newServer(t, revoxtest.WithPageSizeCap(50))
	server.SetRows(campaignID, "c", makeRows(0, 170))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Times: 1, Behavior: revoxtest.CutBody()})
	results, err := readPages(newClient(t, server.URL), 0, revoxapi.PageRequest{Number: 3}, revoxapi.PageRequest{Number: 0}, revoxapi.PageRequest{Number: 9}, revoxapi.PageRequest{Number: 0})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range results {
		first := "none"
		if len(p.Rows) > 0 {
			first = p.Rows[0].ID
		}
		got = append(got, fmt.Sprintf("page %d (%d, %d of %d): %d rows, first %s", p.Number, *p.Page, *p.PageSize, *p.Total, len(p.Rows), first))
	}
	want := []string{
		"page 3 (3, 50 of 170): 20 rows, first row-00150", "page 0 (0, 50 of 170): 50 rows, first row-00000",
		"page 9 (9, 50 of 170): 0 rows, first none", "page 0 (0, 50 of 170): 50 rows, first row-00000",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReadPagesEndsAtTheFirstError(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 350))
	pages := []revoxapi.PageRequest{{Number: 0}, {Number: 1}, {Number: 2}, {Number: 3}}
	t.Run("of the API", func(t *testing.T) {
		defer server.AddFault(revoxtest.Fault{Page: revoxtest.Page(2), Behavior: revoxtest.Status(401, nil, "")})()
		results, err := readPages(newClient(t, server.URL), 0, pages...)
		if e := asError(t, err, revoxapi.KindAuth); e.Page != 2 || len(results) != 2 {
			t.Errorf("%v after %d pages", e, len(results))
		}
	})
	t.Run("of the caller", func(t *testing.T) {
		own := errors.New("enough")
		n := 0
		err := revoxapi.ReadPages(context.Background(), newClient(t, server.URL), campaignID, revoxapi.RowsParams{}, pages, func(revoxapi.PageResult[row]) error {
			if n++; n == 2 {
				return own
			}
			return nil
		})
		if err != own || n != 2 {
			t.Errorf("%v after %d pages", err, n)
		}
	})
	t.Run("rows without an id", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", append(makeRows(0, 3), json.RawMessage(`{"row_index":1}`)))
		_, err := readPages(newClient(t, server.URL), 0, pages...)
		asError(t, err, revoxapi.KindBadResponse)
	})
	t.Run("the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		err := revoxapi.ReadPages(ctx, newClient(t, server.URL), campaignID, revoxapi.RowsParams{}, slices.Repeat(pages, 10), func(revoxapi.PageResult[row]) error {
			cancel()
			return nil
		})
		asError(t, err, revoxapi.KindCanceled)
	})
}

// A server that sends all rows whatever is asked for does not fill the memory.
func TestReadPagesKeepsOnlyTheFirstRowsOfAHugePage(t *testing.T) {
	server := newServer(t, revoxtest.WithRowsOnly())
	server.SetRows(campaignID, "c", makeRows(0, 3000))
	results, err := readPages(newClient(t, server.URL), 100, revoxapi.PageRequest{Number: 0}, revoxapi.PageRequest{Number: 1})
	if err != nil || len(results) != 2 || !results[1].Overfull || len(results[1].Rows) != 1000 || results[1].Rows[999].ID != idOf(999) {
		t.Errorf("%v: %d pages", err, len(results))
	}
	results, err = readPages(newClient(t, server.URL), 1500, revoxapi.PageRequest{Number: 0})
	if err != nil || results[0].Overfull || len(results[0].Rows) != 3000 {
		t.Errorf("%v: %d pages", err, len(results))
	}
}

// What stands for a row's id in files must stay the same.
func TestRowKeyStaysTheSame(t *testing.T) {
	for id, want := range map[string]uint64{"": 0xef46db3751d8e999, "a": 0xd24ec4f1a98c6e5b} {
		if got := revoxapi.RowKey(id); got != want {
			t.Errorf("RowKey(%q) is %#x, want %#x", id, got, want)
		}
	}
}
