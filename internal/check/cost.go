package check

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/cost"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Hourly is about what the exporter's scans of the campaigns that were read will take in an hour: later scans as reckoned
// from what was found, and full scans as measured.
type Hourly struct {
	Requests      int64 `json:"requests"`
	ResponseBytes int64 `json:"response_bytes"`
}

// hourly returns what the scans of all campaigns that were read take in an hour; nil if there are none.
func (w *Watch) hourly(r *Result, o Options) *Hourly {
	var sum cost.Cost
	for i := range r.Campaigns {
		if c := &r.Campaigns[i]; c.OK {
			full := cost.Cost{Requests: int64(c.Requests), Bytes: c.ResponseBytes}
			sum = sum.Plus(laterCost(c, w.pagesOf(c.ID), o.FullInterval, full).Hour(o.Interval, full, o.FullInterval))
		}
	}
	if sum.Requests == 0 {
		return nil
	}
	return &Hourly{sum.Requests, sum.Bytes}
}

// answerBytes is about what an answer takes without its rows.
const answerBytes = 100

// laterCost reckons what a later scan of a campaign takes: for each status one request for a single row, if it has any; or,
// for the statuses whose rows are read, as many as they have pages.
func laterCost(c *Campaign, seen paging, fullInterval time.Duration, full cost.Cost) cost.Cost {
	if fullInterval == 0 || seen.total < 0 || c.Rows <= uint64(seen.largest) {
		return full // the scanner needs pages and a total to know better
	}
	pageSize := uint64(seen.largest)
	finished := finishedCalls(c) == c.Rows
	statuses := revoxapi.Values[revoxapi.CallStatus]()
	for status, n := range c.Calls {
		if s := revoxapi.CallStatus(status); n > 0 && !slices.Contains(statuses, s) {
			statuses = append(statuses, s)
		}
	}
	requests, rows := uint64(1), uint64(1) // for the last row
	active := uint64(0)
	for _, status := range statuses {
		n := c.Calls[string(status)]
		switch status {
		case revoxapi.CallInitializing, revoxapi.CallQueuedForCalling,
			revoxapi.CallCompleted, revoxapi.CallCancelled, revoxapi.CallErrored:
			if n > 0 || !finished {
				requests, rows = requests+1, rows+min(n, 1)
			}
			continue
		}
		if finished {
			continue
		}
		requests, rows = requests+max(1, (n+pageSize-1)/pageSize), rows+n
		active += n
	}
	if active > c.Rows/2 {
		return full
	}
	bytes := int64(requests*answerBytes) + int64(float64(full.Bytes)*float64(rows)/float64(c.Rows))
	return cost.Cost{Requests: int64(requests), Bytes: bytes}
}
