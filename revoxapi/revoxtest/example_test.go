package revoxtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// fetch prints the answer to a request with the right key.
func fetch(s *revoxtest.Server, path string) {
	req, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	resp, err := s.Client().Do(req)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body), err)
}

func Example() {
	s := revoxtest.NewServer()
	defer s.Close()
	s.SetRows("c", "Spring", []json.RawMessage{json.RawMessage(`{"id":"r1"}`), json.RawMessage(`{"id":"r2"}`)})
	s.AddFault(revoxtest.Fault{Campaign: "c", Times: 1, Behavior: revoxtest.RateLimited("7")})

	fetch(s, "/campaigns/c/rows?page=0&page_size=1")
	fetch(s, "/campaigns/c/rows?page=0&page_size=1")
	fmt.Println(s.RequestCount(), "requests")
	// Output:
	// 429 {"error":{"message":"too many requests"}} <nil>
	// 200 {"page":0,"page_size":1,"rows":[{"id":"r1"}],"total":2} <nil>
	// 2 requests
}

// growing is a campaign that gets a row each hour.
type growing struct {
	entry revoxtest.Entry
	start time.Time
	rows  int
}

func (g *growing) Advance(now time.Time)   { g.rows = max(g.rows, int(now.Sub(g.start).Hours())) }
func (g *growing) Entry() *revoxtest.Entry { return &g.entry }
func (g *growing) Len() int                { return g.rows }
func (g *growing) AppendRow(b []byte, i int) []byte {
	return fmt.Appendf(b, `{"id":"r%d"}`, i)
}

func ExampleCampaign() {
	clock := revoxtest.NewClock(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	s := revoxtest.NewServer(revoxtest.WithNow(clock.Now))
	defer s.Close()
	s.Add(&growing{entry: revoxtest.Entry{ID: "c", Status: "running"}, start: clock.Now()})

	clock.Advance(2 * time.Hour)
	fetch(s, "/campaigns/c/rows?page=0&page_size=10")
	// Output:
	// 200 {"page":0,"page_size":10,"rows":[{"id":"r0"},{"id":"r1"}],"total":2} <nil>
}

func ExampleClock() {
	clock := revoxtest.NewClock(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	clock.Advance(90 * time.Minute)
	fmt.Println(clock.Now())
	// Output: 2026-03-02 09:30:00 +0000 UTC
}
