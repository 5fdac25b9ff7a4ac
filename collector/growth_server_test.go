package collector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// growthTime is the time at which the benchmark's campaigns are scanned.
var growthTime = start

// growthOrder says what is scanned.
type growthOrder struct {
	Kind      string // one of the kinds below
	Campaigns int
	Rows      int // of each campaign
	State     bool
}

// The kinds of campaigns: no call is active, or so many of a hundred.
const (
	growthFinished = "none"
	growthTogether = "1 %, together"
	growthSpread   = "1 %, spread"
	growthMany     = "5 %, spread"
)

// oneActiveOf returns how many rows there are for each that is active; 0 if none is.
func (o growthOrder) oneActiveOf() int {
	return map[string]int{growthTogether: 100, growthSpread: 100, growthMany: 20}[o.Kind]
}

// growthCount has the counts of campaigns, taken from their JSON.
type growthCount struct {
	Rows, Uncalled, Attempts uint64
	Calls                    map[string]uint64 // by status; only statuses that occur
}

func (c *growthCount) add(o growthCount) {
	c.Rows += o.Rows
	c.Uncalled += o.Uncalled
	c.Attempts += o.Attempts
	if c.Calls == nil {
		c.Calls = map[string]uint64{}
	}
	for status, n := range o.Calls {
		c.Calls[status] += n
	}
}

// growthServed is the first output of a server process.
type growthServed struct {
	URL  string
	Want growthCount // of all campaigns together
}

// growthServer serves campaigns whose rows repeat a few generated ones with other ids, so that a million rows take
// seconds.
type growthServer struct {
	growthOrder
	finished, active []growthRow
	byStatus         map[string][]int32 // the rows that the filter lets through; without a filter, all
}

// growthRow is the JSON of a row. idEnd is the offset of the end of its id, which is changed to make other rows.
type growthRow struct {
	json  []byte
	idEnd int
	count growthCount
}

// serveGrowth runs a server process, which ends when its standard input does.
func serveGrowth(order growthOrder) error {
	clock := revoxtest.NewClock(growthTime)
	api := revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithoutGzip(), revoxtest.WithRequestLog(0))
	defer api.Close()
	sim.New(api).AddCampaign(sim.Campaign{ID: "finished", Rows: 1000, Weight: sim.Light,
		Start: growthTime.AddDate(0, 0, -21)})
	sim.New(api).AddCampaign(sim.Campaign{ID: "active", Rows: 100, Weight: sim.Light, Paused: true,
		Start: growthTime.Add(-time.Hour), RowsWithoutCallShare: -1, CancelledShare: -1})
	s := &growthServer{growthOrder: order}
	var err error
	if s.finished, err = growthRows(api.Handler(), "finished"); err != nil {
		return err
	}
	if s.active, err = growthRows(api.Handler(), "active"); err != nil {
		return err
	}
	served := growthServed{}
	s.byStatus = map[string][]int32{}
	for i := range order.Rows {
		count := s.row(i).count
		served.Want.add(count)
		s.byStatus[""] = append(s.byStatus[""], int32(i))
		for status := range count.Calls {
			s.byStatus[status] = append(s.byStatus[status], int32(i))
		}
	}
	one := served.Want
	one.Calls = maps.Clone(one.Calls)
	for range order.Campaigns - 1 {
		served.Want.add(one)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served.URL = "http://" + listener.Addr().String() + "/api"
	if err := json.NewEncoder(os.Stdout).Encode(served); err != nil {
		return err
	}
	go func() { panic(http.Serve(listener, s)) }() // runs until the process ends
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// growthRows returns a campaign's rows.
func growthRows(api http.Handler, campaign string) ([]growthRow, error) {
	r := httptest.NewRequest(http.MethodGet, "/api/campaigns/"+campaign+"/rows?page=0&page_size=1000", nil)
	r.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, r)
	var page struct{ Rows []json.RawMessage }
	if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil {
		return nil, err
	}
	var rows []growthRow
	for _, text := range page.Rows {
		var parsed struct {
			ID   string
			Call *struct {
				Status   string
				Attempts []struct{} `json:"call_attempts"`
			}
		}
		if err := json.Unmarshal(text, &parsed); err != nil {
			return nil, err
		}
		row := growthRow{json: text, idEnd: bytes.Index(text, []byte(parsed.ID)) + len(parsed.ID)}
		row.count = growthCount{Rows: 1}
		if parsed.Call == nil {
			row.count.Uncalled = 1
		} else {
			row.count.Calls = map[string]uint64{parsed.Call.Status: 1}
			row.count.Attempts = uint64(len(parsed.Call.Attempts))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// row returns the row that row i of each campaign repeats. Active rows are at the end, or one is at the end of each
// hundred or twenty.
func (s *growthServer) row(i int) *growthRow {
	active := false
	switch n := s.oneActiveOf(); s.Kind {
	case growthTogether:
		active = i >= s.Rows-s.Rows/n
	case growthSpread, growthMany:
		active = i%n == n-1
	}
	if active {
		return &s.active[i%len(s.active)]
	}
	return &s.finished[i%len(s.finished)]
}

func (s *growthServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("page_size"))
	rows := s.byStatus[q.Get("statuses")]
	body := fmt.Appendf(nil, `{"page":%d,"page_size":%d,"total":%d,"rows":[`, page, size, len(rows))
	from := min(page*size, len(rows))
	for n, i := range rows[from:min(from+size, len(rows))] {
		if n > 0 {
			body = append(body, ',')
		}
		row := s.row(int(i))
		at := len(body) + row.idEnd
		body = append(body, row.json...)
		copy(body[at-8:at], fmt.Sprintf("%08x", i))
	}
	body = append(body, "]}"...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	_, _ = z.Write(body) // an error means that the client is gone
	_ = z.Close()
}
