package revoxapi_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

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
}

func reversed(rows []json.RawMessage) []json.RawMessage {
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	return rows
}
