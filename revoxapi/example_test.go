package revoxapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// exampleServer starts a simulated API with one campaign of three contacts. The last has not been called yet.
func exampleServer() *revoxtest.Server {
	server := revoxtest.NewServer()
	server.SetRows("spring", "Spring offer", []json.RawMessage{
		json.RawMessage(`{"id":"r1","row_index":0,"call":{"id":"c1","status":"completed","call_attempts":[
			{"id":"a2","status":"completed","result":"human","answered_at":"2026-03-02T10:05:00Z","ended_at":"2026-03-02T10:06:30Z"},
			{"id":"a1","status":"error","dial_error":"busy"}]}}`),
		json.RawMessage(`{"id":"r2","row_index":1,"call":{"id":"c2","status":"scheduled","call_attempts":[
			{"id":"a3","status":"completed","result":"voicemail","answered_at":"2026-03-02T10:10:00Z","ended_at":"2026-03-02T10:10:20Z"}]}}`),
		json.RawMessage(`{"id":"r3","row_index":2,"call":null}`),
	})
	return server
}

// exampleClient returns a client of the simulated API. One of the real API needs no WithBaseURL.
func exampleClient(server *revoxtest.Server) *revoxapi.Client {
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey), revoxapi.WithBaseURL(server.URL))
	if err != nil {
		panic(err)
	}
	return client
}

func ExampleClient_ListCampaigns() {
	server := exampleServer()
	defer server.Close()
	client := exampleClient(server)
	defer client.CloseIdleConnections()

	campaigns, err := client.ListCampaigns(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, campaign := range campaigns {
		fmt.Printf("%s: %s\n", campaign.ID, campaign.Name)
	}
	// Output:
	// spring: Spring offer
}

func ExampleClient_Rows() {
	server := exampleServer()
	defer server.Close()
	client := exampleClient(server)
	defer client.CloseIdleConnections()

	for row, err := range client.Rows(context.Background(), "spring", revoxapi.RowsParams{}) {
		if err != nil {
			fmt.Println(err) // the rows before are a part of the campaign
			return
		}
		if row.Call == nil {
			fmt.Printf("row %d: no call yet\n", row.RowIndex)
			continue
		}
		fmt.Printf("row %d: %s after %d attempts\n", row.RowIndex, row.Call.Status, len(row.Call.CallAttempts))
	}
	// Output:
	// row 0: completed after 2 attempts
	// row 1: scheduled after 1 attempts
	// row 2: no call yet
}

// talk is what this example needs of a row. All else is skipped without being decoded.
type talk struct {
	ID   string `json:"id"`
	Call *struct {
		Attempts []struct {
			Result     revoxapi.AttemptResult `json:"result"`
			AnsweredAt revoxapi.Timestamp     `json:"answered_at"`
			EndedAt    revoxapi.Timestamp     `json:"ended_at"`
		} `json:"call_attempts"`
	} `json:"call"`
}

// RowID makes talk an Identified.
func (t talk) RowID() string { return t.ID }

// A struct of one's own, with the few fields that are wanted, is read several times faster than Row.
func ExampleRows() {
	server := exampleServer()
	defer server.Close()
	client := exampleClient(server)
	defer client.CloseIdleConnections()

	var talked time.Duration
	var summary revoxapi.RowsSummary
	params := revoxapi.RowsParams{PageSize: 2}
	for row, err := range revoxapi.Rows[talk](context.Background(), client, "spring", params, revoxapi.WithSummary(&summary)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if row.Call == nil {
			continue
		}
		for _, a := range row.Call.Attempts {
			if a.Result == revoxapi.ResultHuman && a.AnsweredAt.Valid() && a.EndedAt.Valid() {
				talked += a.EndedAt.Time.Sub(a.AnsweredAt.Time)
			}
		}
	}
	fmt.Printf("talked for %s, in %d rows on %d pages\n", talked, summary.Rows, summary.Pages)
	// Output:
	// talked for 1m30s, in 3 rows on 2 pages
}

// A filter and a page of one row are enough to learn how many rows match.
func ExampleClient_Page() {
	server := exampleServer()
	defer server.Close()
	client := exampleClient(server)
	defer client.CloseIdleConnections()

	page, err := client.Page(context.Background(), "spring", revoxapi.RowsParams{
		PageSize: 1,
		Result:   revoxapi.ResultFilter(revoxapi.ResultHuman),
		Statuses: []revoxapi.CallStatus{revoxapi.CallCompleted, revoxapi.CallErrored},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if page.Total == nil {
		fmt.Println("this server gives no total")
		return
	}
	fmt.Printf("%d rows, the first is %s\n", *page.Total, page.Rows[0].ID)
	// Output:
	// 1 rows, the first is r1
}

func ExampleError() {
	server := exampleServer()
	defer server.Close()
	client := exampleClient(server)
	defer client.CloseIdleConnections()

	_, err := client.Page(context.Background(), "autumn", revoxapi.RowsParams{})
	switch {
	case errors.Is(err, revoxapi.ErrNotFound):
		fmt.Println("there is no such campaign")
	case errors.Is(err, revoxapi.ErrAuth):
		fmt.Println("the key is refused")
	}
	var e *revoxapi.Error
	if errors.As(err, &e) {
		fmt.Printf("%s: campaign %s, status %d\n", e.Kind, e.CampaignID, e.StatusCode)
	}
	fmt.Println(err)
	// Output:
	// there is no such campaign
	// not_found: campaign autumn, status 404
	// reading page 0 of campaign "autumn": the API answered 404 Not Found: check the campaign ID and the base URL
}

func ExampleValues() {
	fmt.Println(revoxapi.Values[revoxapi.CampaignStatus]())
	fmt.Println(revoxapi.Known(revoxapi.CampaignPaused), revoxapi.Known(revoxapi.CampaignStatus("archived")))
	// Output:
	// [draft running paused completed]
	// true false
}
