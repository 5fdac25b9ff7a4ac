package revoxapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
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

func TestRowsDoesNotBelieveTheTotal(t *testing.T) {
	rows := makeRows(0, 250)
	for _, total := range []int{0, 1, 50, 99, 100, 150, 200, 249} {
		t.Run(fmt.Sprintf("total %d of 250", total), func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", rows)
			server.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(total)})
			if summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows); summary.Missing != 0 {
				t.Errorf("%+v", summary)
			}
		})
		t.Run(fmt.Sprintf("total %d of 250, page 0 is page 1", total), func(t *testing.T) {
			server := newServer(t, revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage())
			server.SetRows(campaignID, "c", rows)
			server.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(total)})
			client := newClient(t, server.URL)
			mustReadAll(t, client, revoxapi.RowsParams{}, rows)
			mustReadAll(t, client, revoxapi.RowsParams{}, rows)
		})
	}
	t.Run("more than there is", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", rows)
		server.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(300)})
		if summary := mustReadAll(t, newClient(t, server.URL, revoxapi.WithMaxInFlight(1)), revoxapi.RowsParams{}, rows); summary.Missing != 50 || summary.Duplicates != 0 {
			t.Errorf("%+v", summary)
		}
		if asked := pagesAsked(server); asked != "0 1 2 3 0 1 2 3" {
			t.Errorf("asked for pages %q", asked)
		}
	})
	t.Run("negative", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", rows)
		server.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(-1)})
		mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, rows)
	})
}

// What only steers the reading may have any shape.
func TestRowsReadsOnPastOddShapes(t *testing.T) {
	rows := makeRows(0, 25)
	set := revoxtest.SetField
	for name, behavior := range map[string]revoxtest.Behavior{
		"total a string":         set("total", `"25"`),
		"total another string":   set("total", `"many"`),
		"total a fraction":       set("total", `1.5`),
		"total an object":        set("total", `{}`),
		"total true":             set("total", `true`),
		"total beyond int64":     set("total", `1e99`),
		"total a long number":    set("total", strings.Repeat("9", 100_000)),
		"page a string":          set("page", `"0"`),
		"page another string":    set("page", `"first"`),
		"page an array":          set("page", `[]`),
		"page_size a string":     set("page_size", `"10"`),
		"page_size another":      set("page_size", `"ten"`),
		"page_size negative":     set("page_size", `-10`),
		"a byte order mark":      revoxtest.ByteOrderMark(),
		"line breaks at the end": revoxtest.TrailingBytes("\r\n\n \t"),
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", rows)
			server.AddFault(revoxtest.Fault{Behavior: behavior})
			if summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{PageSize: 10}, rows); summary.Missing != 0 {
				t.Errorf("%+v", summary)
			}
		})
	}
	for _, nothing := range []string{"null", "{}"} {
		t.Run(nothing+" past the end", func(t *testing.T) {
			server := newServer(t, revoxtest.WithoutTotal())
			server.SetRows(campaignID, "c", makeRows(0, 20))
			server.AddFault(revoxtest.Fault{Page: revoxtest.Page(2), Behavior: set("rows", nothing)})
			mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{PageSize: 10}, makeRows(0, 20))
		})
		t.Run(nothing+" of an empty campaign", func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", nil)
			server.AddFault(revoxtest.Fault{Behavior: set("rows", nothing)})
			mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, nil)
		})
		t.Run(nothing+" where there must be rows", func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", rows)
			server.AddFault(revoxtest.Fault{Page: revoxtest.Page(1), Behavior: set("rows", nothing)})
			_, _, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{PageSize: 10})
			asError(t, err, revoxapi.KindBadResponse)
		})
	}
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

func TestRowsWhileRowsMove(t *testing.T) {
	// Each case changes the rows just before a page is made for the n-th time, counted over all requests from 0.
	for _, test := range []struct {
		name   string
		opts   []revoxtest.Option
		before int
		rows   []json.RawMessage
		after  []json.RawMessage
		want   []json.RawMessage // what has to be found: all that is there at the end, and what was there when it was read
	}{
		{"one put in before all", nil, 1, makeRows(1, 251), makeRows(0, 251), makeRows(0, 251)},
		{"a page put in before all", nil, 1, makeRows(100, 350), makeRows(0, 350), makeRows(0, 350)},
		{"two pages put in before all", nil, 1, makeRows(200, 450), makeRows(0, 450), makeRows(0, 450)},
		{"one put in before all, no total", []revoxtest.Option{revoxtest.WithoutTotal()}, 1, makeRows(1, 251), makeRows(0, 251), makeRows(1, 251)},
		{"appended", nil, 2, makeRows(0, 250), makeRows(0, 320), makeRows(0, 320)},
		{"appended, no total", []revoxtest.Option{revoxtest.WithoutTotal()}, 2, makeRows(0, 250), makeRows(0, 320), makeRows(0, 320)},
		{"the last moved to the front", nil, 1, makeRows(0, 250), append(makeRows(249, 250), makeRows(0, 249)...), makeRows(0, 250)},
		{"turned round", nil, 1, makeRows(0, 250), reversed(makeRows(0, 250)), makeRows(0, 250)},
		{"ten of the first page removed", nil, 1, makeRows(0, 250), makeRows(10, 250), makeRows(0, 250)},
		{"all of the first page removed", nil, 1, makeRows(0, 250), makeRows(100, 250), makeRows(0, 250)},
		{"ten of a later page removed", nil, 1, makeRows(0, 250), append(makeRows(0, 200), makeRows(210, 250)...), append(makeRows(0, 200), makeRows(210, 250)...)},
		{"all removed", nil, 1, makeRows(0, 250), makeRows(0, 0), makeRows(0, 100)},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newServer(t, test.opts...)
			server.SetRows(campaignID, "c", test.rows)
			var mu sync.Mutex
			request := 0
			server.OnPage(func(string, int) {
				mu.Lock()
				defer mu.Unlock()
				if request == test.before {
					server.SetRows(campaignID, "", test.after)
				}
				request++
			})
			if summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, test.want); summary.Missing != 0 {
				t.Errorf("%+v", summary)
			}
			if request > 12 {
				t.Errorf("%d requests", request)
			}
		})
	}
}

func TestRowsGivesUpWhereRowsMoveForEver(t *testing.T) {
	t.Run("new ones before all, all the time", func(t *testing.T) {
		server := newServer(t)
		next := 10_000
		server.SetRows(campaignID, "c", makeRows(next, 10_250))
		var mu sync.Mutex
		server.OnPage(func(string, int) {
			mu.Lock()
			defer mu.Unlock()
			next -= 50
			server.SetRows(campaignID, "", makeRows(next, 10_250))
		})
		_, _, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
		if e := asError(t, err, revoxapi.KindIncomplete); e.Page != -1 || !strings.Contains(e.Error(), campaignID) {
			t.Errorf("%v", e)
		}
	})
	t.Run("something new on every page", func(t *testing.T) {
		n := 0
		client := newClient(t, "http://endless.invalid", revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
			n++
			body := fmt.Sprintf(`{"rows":[{"id":"%d"}]}`, n)
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})))
		_, _, err := readAll(client, revoxapi.RowsParams{})
		asError(t, err, revoxapi.KindIncomplete)
	})
}

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

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRowsIdentifiesRowsByTheirID(t *testing.T) {
	t.Run("given twice within a page and over pages", func(t *testing.T) {
		server := newServer(t)
		rows := append(append(makeRows(0, 60), makeRows(0, 60)...), makeRows(60, 130)...)
		server.SetRows(campaignID, "c", rows)
		summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, makeRows(0, 130))
		if summary.Duplicates != 60 || summary.Missing != 60 {
			t.Errorf("%+v", summary)
		}
	})
	t.Run("given twice within a page that was cut at first", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", append(makeRows(0, 40), makeRows(0, 40)...))
		server.AddFault(revoxtest.Fault{Times: 1, Behavior: revoxtest.CutBody()})
		if summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, makeRows(0, 40)); summary.Duplicates != 40 {
			t.Errorf("%+v", summary)
		}
	})
	for name, mangled := range map[string]string{
		"no id": `{"row_index":1}`, "an empty id": `{"id":""}`, "null for an id": `{"id":null}`, "a boolean for an id": `{"id":true}`, "an array for an id": `{"id":[]}`,
		"an array for a call": `{"id":"a","call":[{}]}`, "a string for a call": `{"id":"a","call":"x"}`,
		"an object for attempts": `{"id":"a","call":{"call_attempts":{"0":{}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", append(makeRows(0, 3), json.RawMessage(mangled)))
			_, err := newClient(t, server.URL).Page(t.Context(), campaignID, revoxapi.RowsParams{})
			asError(t, err, revoxapi.KindBadResponse)
		})
	}
}

func TestRowsIDsCanBeNumbers(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", []json.RawMessage{[]byte(`{"id":7}`), []byte(`{"id":"8"}`), []byte(`{"id":12345678901234567890}`), []byte(`{"id":7}`)})
	got, summary, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{})
	if err != nil || !slices.Equal(got, []string{"12345678901234567890", "7", "8"}) || summary.Duplicates != 1 {
		t.Errorf("%q, %+v, %v", got, summary, err)
	}
	page, err := newClient(t, server.URL).Page(t.Context(), campaignID, revoxapi.RowsParams{})
	if err != nil || page.Rows[0].ID != "7" {
		t.Errorf("%+v, %v", page, err)
	}
}

// For servers in PHP, an empty object is an empty array.
func TestEmptyArraysStandForObjectsThatAreAbsent(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", []json.RawMessage{
		[]byte(`{"id":"a","call":[],"input_data":[]}`),
		[]byte(`{"id":"b","call":{"status":"completed","call_attempts":{},"campaign":[],"metadata":[ ],"assistant":[]}}`),
		[]byte(`{"id":"c","call":{"status":"calling","call_attempts":[{"status":"ringing","structured_output":[],"transcript":{}}]}}`),
	})
	page, err := newClient(t, server.URL).Page(t.Context(), campaignID, revoxapi.RowsParams{})
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := page.Rows[0], page.Rows[1].Call, page.Rows[2].Call
	if a.Call != nil || a.InputData != nil || b.Status != "completed" || b.CallAttempts != nil || b.Campaign != nil ||
		b.Metadata != nil || b.Assistant != nil || c.CallAttempts[0].Status != "ringing" || c.CallAttempts[0].Transcript != nil {
		t.Errorf("%+v", page.Rows)
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
		tries := 0
		server.OnPage(func(string, int) {
			if tries++; tries == 2 {
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

func reversed(rows []json.RawMessage) []json.RawMessage {
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	return rows
}
