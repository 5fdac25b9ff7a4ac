package revoxapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestRowsReadsEveryKindOfServerAtEverySize(t *testing.T) {
	kinds := map[string][]revoxtest.Option{
		"first page 0":                  nil,
		"first page 1, strict":          {revoxtest.WithFirstPage(1)},
		"first page 1, lenient":         {revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()},
		"first page 1, echoed":          {revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()},
		"capped":                        {revoxtest.WithPageSizeCap(30)},
		"capped at 1-based":             {revoxtest.WithPageSizeCap(30), revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()},
		"no total":                      {revoxtest.WithoutTotal()},
		"no total, first page 1":        {revoxtest.WithoutTotal(), revoxtest.WithFirstPage(1)},
		"no total, first page 1 echoed": {revoxtest.WithoutTotal(), revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()},
		"no total, capped":              {revoxtest.WithoutTotal(), revoxtest.WithPageSizeCap(30)},
		"rows only":                     {revoxtest.WithRowsOnly()},
		"zstd":                          {revoxtest.WithZstd(), revoxtest.WithoutGzip()},
		"plain":                         {revoxtest.WithoutGzip()},
		"numbers as 3.0":                {revoxtest.WithNumberStyle(revoxtest.DecimalNumbers), revoxtest.WithPageSizeCap(30)},
		"numbers as 3e0":                {revoxtest.WithNumberStyle(revoxtest.ExponentNumbers), revoxtest.WithFirstPage(1)},
	}
	for name, opts := range kinds {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, opts...)
			// One client for all sizes: what it learns of the server must not harm the next campaign.
			client := newClient(t, server.URL)
			for _, size := range []int{0, 1, 99, 100, 101, 200, 250, 1, 0} {
				rows := makeRows(0, size)
				server.SetRows(campaignID, "c", rows)
				summary := mustReadAll(t, client, revoxapi.RowsParams{}, rows)
				if summary.Missing != 0 || summary.Duplicates != 0 {
					t.Errorf("%d rows at rest: %+v", size, summary)
				}
			}
		})
	}
}

func TestRowsAsksForNoMoreThanItMust(t *testing.T) {
	for _, test := range []struct {
		name  string
		opts  []revoxtest.Option
		rows  int
		first string // pages asked for by the first scan
		later string // by the second scan of the same client
	}{
		{"250 rows", nil, 250, "0 1 2", "0 1 2"},
		{"no rows, the first number unknown", nil, 0, "0 1", "0 1"},
		{"99 rows", nil, 99, "0", "0"},
		{"a full page may not be the last", nil, 200, "0 1 2", "0 1 2"},
		{"page 0 refused, learned", []revoxtest.Option{revoxtest.WithFirstPage(1)}, 250, "0 1 0 2 3", "1 2 3"},
		{"page 0 is page 1, learned", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()}, 250, "0 1 2 3", "1 2 3"},
		{"page 0 is page 1, echoed", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}, 250, "0 1 2 3", "0 1 2 3"},
		{"page 0 refused, no total", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithoutTotal()}, 150, "0 1 0 2 3", "0 1 0 2 3"},
		{"capped", []revoxtest.Option{revoxtest.WithPageSizeCap(80)}, 250, "0 1 2 3", "0 1 2 3"},
		{"no total", []revoxtest.Option{revoxtest.WithoutTotal()}, 250, "0 1 2 3", "0 1 2 3"},
		{"rows only, more than a page", []revoxtest.Option{revoxtest.WithRowsOnly()}, 250, "0", "0"},
		{"rows only, less than a page", []revoxtest.Option{revoxtest.WithRowsOnly()}, 50, "0 1 2", "0 1 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(t, test.opts...)
			rows := makeRows(0, test.rows)
			server.SetRows(campaignID, "c", rows)
			client := newClient(t, server.URL, revoxapi.WithMaxInFlight(1))
			summary := mustReadAll(t, client, revoxapi.RowsParams{}, rows)
			first := pagesAsked(server)
			if first != test.first {
				t.Errorf("first scan asked for pages %q, want %q", first, test.first)
			}
			if refused := strings.Count(test.first, "0 1 0"); summary.Pages != len(strings.Fields(test.first))-2*refused {
				t.Errorf("summary says %d pages were read, of the asked %q", summary.Pages, test.first)
			}
			mustReadAll(t, client, revoxapi.RowsParams{}, rows)
			if later := strings.TrimSpace(strings.TrimPrefix(pagesAsked(server), first)); later != test.later {
				t.Errorf("second scan asked for pages %q, want %q", later, test.later)
			}
		})
		t.Run(test.name+", several at once", func(t *testing.T) {
			server := newServer(t, test.opts...)
			rows := makeRows(0, test.rows)
			server.SetRows(campaignID, "c", rows)
			mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows)
			asked, want := strings.Fields(pagesAsked(server)), strings.Fields(test.first)
			slices.Sort(asked)
			slices.Sort(want)
			if !slices.Equal(asked, want) {
				t.Errorf("asked for pages %q, want %q", asked, want)
			}
		})
	}
}

// A server that looked 1-based by accident, or was replaced, is still read whole.
func TestRowsSurvivesWhatItLearnedWrongly(t *testing.T) {
	for _, size := range []int{0, 1, 80, 100, 250} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			server := newServer(t)
			rows := makeRows(0, size)
			server.SetRows(campaignID, "c", makeRows(0, 150))
			client := newClient(t, server.URL)
			remove := server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Times: 2, Behavior: revoxtest.Status(400, nil, "")})
			mustReadAll(t, client, revoxapi.RowsParams{}, makeRows(0, 150))
			remove()
			server.SetRows(campaignID, "c", rows)
			mustReadAll(t, client, revoxapi.RowsParams{}, rows)
			// And that was a lesson.
			before := server.RequestCount()
			mustReadAll(t, client, revoxapi.RowsParams{}, rows)
			if asked, want := server.RequestCount()-before, size/100+1; size > 0 && asked > want {
				t.Errorf("%d requests for %d rows, want %d", asked, size, want)
			}
		})
	}
}

func TestRowsDistinguishesAnAccidentFromAMissingPage(t *testing.T) {
	for _, opts := range [][]revoxtest.Option{nil, {revoxtest.WithoutTotal()}} {
		for _, size := range []int{1, 100, 150, 250} {
			for _, code := range []int{400, 404, 422} {
				t.Run(fmt.Sprintf("%d rows, first page %d once, %d options", size, code, len(opts)), func(t *testing.T) {
					server := newServer(t, opts...)
					rows := makeRows(0, size)
					server.SetRows(campaignID, "c", rows)
					server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Times: 1, Behavior: revoxtest.Status(code, nil, "")})
					mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows)
				})
			}
		}
	}
	t.Run("a later page refused once does not end a campaign", func(t *testing.T) {
		server := newServer(t)
		rows := makeRows(0, 350)
		server.SetRows(campaignID, "c", rows)
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Times: 1, Behavior: revoxtest.Status(404, nil, "")})
		mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows)
	})
	t.Run("a later page refused once, without a total, is an error and no end", func(t *testing.T) {
		server := newServer(t, revoxtest.WithoutTotal())
		server.SetRows(campaignID, "c", makeRows(0, 350))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Times: 1, Behavior: revoxtest.Status(400, nil, "")})
		_, _, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
		asError(t, err, revoxapi.KindBadResponse)
	})
	t.Run("a later page refused always, with a total, is an error", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 350))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Behavior: revoxtest.Status(400, nil, "")})
		_, _, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
		asError(t, err, revoxapi.KindIncomplete)
	})
	t.Run("no such campaign", func(t *testing.T) {
		server := newServer(t)
		_, _, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
		if e := asError(t, err, revoxapi.KindNotFound); e.Page != 0 || e.StatusCode != 404 {
			t.Errorf("%+v", e)
		}
		if asked := pagesAsked(server); asked != "0 1" {
			t.Errorf("asked for pages %q", asked)
		}
	})
	t.Run("no such campaign, of a server that counts from 1", func(t *testing.T) {
		server := newServer(t, revoxtest.WithFirstPage(1))
		_, _, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
		if e := asError(t, err, revoxapi.KindNotFound); e.StatusCode != 404 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a campaign that goes while it is read", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 250))
		server.OnPage(func(_ string, page int) {
			if page == 1 {
				server.Remove(campaignID)
			}
		})
		_, _, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
		asError(t, err, revoxapi.KindNotFound)
	})
}

// Page 0 is the first and the last, and a page past it does not exist.
func TestRowsOfAnEmptyCampaignWhereLaterPagesAreRefused(t *testing.T) {
	for _, code := range []int{400, 404, 422} {
		server := newServer(t, revoxtest.WithoutTotal())
		server.SetRows(campaignID, "c", nil)
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Behavior: revoxtest.Status(code, nil, "")})
		mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, nil)
		if asked := pagesAsked(server); asked != "0 1 1" {
			t.Errorf("%d: asked for pages %q", code, asked)
		}
	}
	t.Run("page 1 refused once, where the rows begin", func(t *testing.T) {
		server := newServer(t, revoxtest.WithoutTotal(), revoxtest.WithFirstPage(1))
		server.SetRows(campaignID, "c", makeRows(0, 30))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Behavior: revoxtest.Body("application/json", `{"rows":[]}`)})
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Times: 1, Behavior: revoxtest.Status(400, nil, "")})
		mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, makeRows(0, 30))
	})
}

// A server that counts from 1 may say of its empty page 0 that there is nothing at all.
func TestPageOneIsReadAfterAnEmptyPageZero(t *testing.T) {
	for _, total := range []string{`0`, `"0"`, `25`, `7`, `null`} {
		t.Run("total "+total, func(t *testing.T) {
			server := newServer(t, revoxtest.WithFirstPage(1))
			server.SetRows(campaignID, "c", makeRows(0, 25))
			server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0),
				Behavior: revoxtest.Body("application/json", `{"page":0,"rows":[],"total":`+total+`}`)})
			client := newClient(t, server.URL)
			mustReadAll(t, client, revoxapi.RowsParams{PageSize: 10}, makeRows(0, 25))
			mustReadAll(t, client, revoxapi.RowsParams{PageSize: 10}, makeRows(0, 25))
		})
	}
	t.Run("total 0 throughout", func(t *testing.T) {
		server := newServer(t, revoxtest.WithFirstPage(1))
		server.SetRows(campaignID, "c", makeRows(0, 25))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(0), Behavior: revoxtest.Body("application/json", `{"rows":[],"total":0}`)})
		server.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(0)})
		mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{PageSize: 10}, makeRows(0, 25))
	})
	t.Run("an empty campaign costs one request where page 0 is known", func(t *testing.T) {
		for first, want := range []string{"0 1 | 0 | 0", "0 1 | 0 1 | 1"} {
			server := newServer(t)
			server.SetRows("empty", "e", nil)
			server.SetRows(campaignID, "c", makeRows(0, 5))
			if first == 1 {
				server = newServer(t, revoxtest.WithFirstPage(1))
				server.SetRows("empty", "e", nil)
				server.SetRows(campaignID, "c", makeRows(0, 5))
				for id, total := range map[string]string{"empty": "0", campaignID: "5"} {
					server.AddFault(revoxtest.Fault{Campaign: id, Page: revoxtest.Page(0),
						Behavior: revoxtest.Body("application/json", `{"rows":[],"total":`+total+`}`)})
				}
			}
			client := newClient(t, server.URL)
			var asked []string
			for _, id := range []string{"empty", campaignID, "empty"} {
				before := server.RequestCount()
				for _, err := range revoxapi.Rows[row](t.Context(), client, id, revoxapi.RowsParams{}) {
					if err != nil {
						t.Fatal(err)
					}
				}
				var pages []string
				for _, r := range server.Requests()[before:] {
					pages = append(pages, r.Query.Get("page"))
				}
				asked = append(asked, strings.Join(pages, " "))
			}
			if got := strings.Join(asked, " | "); got != want {
				t.Errorf("counting from %d: asked for pages %q, want %q", first, got, want)
			}
		}
	})
	t.Run("page 1 refused", func(t *testing.T) {
		for _, code := range []int{400, 404, 422} {
			server := newServer(t)
			server.SetRows(campaignID, "c", nil)
			server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Behavior: revoxtest.Status(code, nil, "")})
			mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, nil)
		}
	})
}
