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

// growthTime is when the benchmark's campaigns are looked at.
var growthTime = start

// growthOrder says what there is to be scanned.
type growthOrder struct {
	Kind      string // of growthKinds
	Campaigns int
	Rows      int // of each campaign
}

// The kinds of campaigns: no call is active, or one in a hundred.
const (
	growthFinished = "none"
	growthTogether = "1 %, together"
	growthSpread   = "1 %, spread"
	growthETags    = "1 %, spread; the API gives ETags"
)

// growthCount is what is counted of campaigns, as a look at their JSON tells it.
type growthCount struct {
	Rows, Uncalled, Attempts uint64
	Calls                    map[string]uint64 // by status; those that there are
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

// growthServed is what a server says of itself.
type growthServed struct {
	URL  string
	Want growthCount // of all campaigns together
}

// growthServer serves campaigns whose rows repeat some that were made before, each under an id of its own: a million of
// them take seconds.
type growthServer struct {
	growthOrder
	finished, active []growthRow
}

// growthRow is the JSON of a row, and where in it the end of its id is, which makes it another row.
type growthRow struct {
	json  []byte
	idEnd int
	count growthCount
}

// serveGrowth is the process of a server: it ends with its input.
func serveGrowth(order growthOrder) error {
	clock := revoxtest.NewClock(growthTime)
	api := revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithoutGzip(), revoxtest.WithRequestLog(0))
	defer api.Close()
	sim.New(api).AddCampaign(sim.Campaign{ID: "finished", Rows: 1000, Start: growthTime.AddDate(0, 0, -21), Weight: sim.Light})
	sim.New(api).AddCampaign(sim.Campaign{ID: "active", Rows: 100, Start: growthTime.Add(-time.Hour), Paused: true,
		RowsWithoutCallShare: -1, CancelledShare: -1, Weight: sim.Light})
	s := &growthServer{growthOrder: order}
	var err error
	if s.finished, err = growthRows(api.Handler(), "finished"); err != nil {
		return err
	}
	if s.active, err = growthRows(api.Handler(), "active"); err != nil {
		return err
	}
	served := growthServed{}
	for i := range order.Rows {
		served.Want.add(s.row(i).count)
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
	go func() { panic(http.Serve(listener, s)) }() // ends with the process
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

// row returns what the campaigns' row i repeats. The active ones lie at the end, or one at the end of each hundred.
func (s *growthServer) row(i int) *growthRow {
	active := i >= s.Rows-s.Rows/100
	switch s.Kind {
	case growthFinished:
		active = false
	case growthSpread, growthETags:
		active = i%100 == 99
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
	if s.Kind == growthETags {
		tag := fmt.Sprintf(`"%d-%d"`, page, size)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := fmt.Appendf(nil, `{"page":%d,"page_size":%d,"total":%d,"rows":[`, page, size, s.Rows)
	for i := page * size; i < min((page+1)*size, s.Rows); i++ {
		if i > page*size {
			body = append(body, ',')
		}
		row := s.row(i)
		at := len(body) + row.idEnd
		body = append(body, row.json...)
		copy(body[at-8:at], fmt.Sprintf("%08x", i))
	}
	body = append(body, "]}"...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	_, _ = z.Write(body) // a client that is gone needs no answer
	_ = z.Close()
}
