package revoxtest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// filter is what the query of a request leaves of the rows. The zero value leaves all.
type filter struct {
	text     string   // in lower case
	result   string   // "" for all, "none" for rows without a result
	statuses []string // nil for all
	kind     StatusFilter
}

// results are the results that the API knows, and "" for all.
var results = []string{"", "IVR", "voicemail", "human", "unknown", "ios-screening-filter"}

// newFilter reads a filter; ok is false where the API knows no such result.
func newFilter(q url.Values) (f filter, ok bool) {
	f.text = strings.ToLower(q.Get("query"))
	f.result = q.Get("result")
	if f.result == "all" {
		f.result = ""
	}
	for s := range strings.SplitSeq(q.Get("statuses"), ",") {
		if s = strings.TrimSpace(s); s != "" {
			f.statuses = append(f.statuses, s)
		}
	}
	ok = f.result == "none" || slices.Contains(results, f.result)
	return f, ok
}

func (f *filter) all() bool {
	return f.text == "" && f.result == "" && (f.statuses == nil || f.kind == FilterIgnored)
}

// onlyStatuses says whether the status of a row's call decides.
func (f *filter) onlyStatuses() bool {
	return f.text == "" && f.result == "" && f.statuses != nil && f.kind != FilterIgnored && f.kind != FilterAttemptStatus
}

// matches says whether a row is left over, judged by the row as it is served: the result is that of its newest attempt,
// the text is sought in the contact's data. It is slow, and simple.
func (f *filter) matches(row []byte) bool {
	type attempt struct {
		Result string `json:"result"`
		Status string `json:"status"`
	}
	var r struct {
		Phone any `json:"phone_number"`
		Input any `json:"input_data"`
		Call  struct {
			Status   string    `json:"status"`
			Attempts []attempt `json:"call_attempts"`
		} `json:"call"`
	}
	// Rows that tests made to be wrong are judged by what can be read of them.
	_ = json.Unmarshal(row, &r)
	result, status := "", r.Call.Status
	if len(r.Call.Attempts) > 0 {
		result = r.Call.Attempts[0].Result
		if f.kind == FilterAttemptStatus {
			status = r.Call.Attempts[0].Status
		}
	}
	switch {
	case f.result == "none" && result != "":
		return false
	case f.result != "" && f.result != "none" && f.result != result:
		return false
	case f.statuses != nil && f.kind != FilterIgnored && !slices.Contains(f.statuses, status):
		return false
	case f.text == "":
		return true
	}
	var contact bytes.Buffer
	enc := json.NewEncoder(&contact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode([]any{r.Phone, r.Input}); err != nil {
		return false
	}
	return strings.Contains(strings.ToLower(contact.String()), f.text)
}

// writeRows writes the array of the rows from the from-th, at most n of them, that the filter leaves, and returns how
// many it leaves in all. The campaign is locked only while some rows are written, never while they are sent: so a
// reader that stops reading does not stop the others.
func (c *served) writeRows(e *wire.Encoder, flush func() error, now time.Time, f filter, from, n int) (total int, err error) {
	e.Raw("[")
	written := 0
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Advance(now)
	i := 0
	if f.all() {
		total = c.Len()
		i = min(from, total)
	}
	knower, known := c.Campaign.(StatusKnower)
	known = known && f.onlyStatuses()
	// appendMatching appends row i, and reports whether the filter leaves it. It may append nothing if the row is only
	// counted or not left.
	appendMatching := func(onlyCounted bool) bool {
		if known {
			if !slices.Contains(f.statuses, knower.StatusOf(i)) {
				return false
			}
			if !onlyCounted {
				e.B = c.AppendRow(e.B, i)
			}
			return true
		}
		at := len(e.B)
		e.B = c.AppendRow(e.B, i)
		return f.all() || f.matches(e.B[at:])
	}
	for ; i < c.Len() && written < n; i++ {
		mark := len(e.B)
		if written > 0 {
			e.Raw(",")
		}
		matches := appendMatching(total < from)
		if !f.all() {
			if !matches {
				e.B = e.B[:mark]
				continue
			}
			total++
			if total <= from {
				e.B = e.B[:mark]
				continue
			}
		}
		written++
		if len(e.B) >= flushAt {
			c.mu.Unlock()
			err = flush()
			c.mu.Lock()
			if err != nil {
				return total, err
			}
		}
	}
	if !f.all() { // the rest is only counted
		mark := len(e.B)
		for ; i < c.Len(); i++ {
			if appendMatching(true) {
				total++
			}
			e.B = e.B[:mark]
		}
	}
	e.Raw("]")
	return total, nil
}

// count returns the number of all rows.
func (c *served) count(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Advance(now)
	return c.Len()
}
