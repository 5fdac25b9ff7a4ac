package revoxapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

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
