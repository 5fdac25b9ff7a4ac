// Package yardstick has what reading is measured with and against: a campaign whose pages are packed beforehand, so that
// no server's work is measured along, the rows as a lean reader and as a usual one see them, and what has to come out.
package yardstick

import (
	stdgzip "compress/gzip"
	"encoding/json"
	"io"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// LeanRow has of a row what is counted.
type LeanRow struct {
	ID   string `json:"id"`
	Call *struct {
		Status    string             `json:"status"`
		CreatedAt revoxapi.Timestamp `json:"created_at"`
		Campaign  struct {
			Name string `json:"name"`
		} `json:"campaign"`
		Attempts []struct {
			Status     string             `json:"status"`
			Result     string             `json:"result"`
			DialError  string             `json:"dial_error"`
			EndedBy    string             `json:"ended_by"`
			EndReason  string             `json:"end_reason"`
			StartedAt  revoxapi.Timestamp `json:"started_at"`
			AnsweredAt revoxapi.Timestamp `json:"answered_at"`
			EndedAt    revoxapi.Timestamp `json:"ended_at"`
		} `json:"call_attempts"`
	} `json:"call"`
}

// RowID returns the row's id.
func (r LeanRow) RowID() string { return r.ID }

// Count is what is counted of rows, so that no reader is fast for what it leaves out.
type Count struct{ Rows, Calls, Attempts, Human, Ended int }

// AddLean counts a row as a lean reader sees it.
func (c *Count) AddLean(r LeanRow) {
	c.Rows++
	if r.Call == nil {
		return
	}
	c.Calls++
	for _, a := range r.Call.Attempts {
		c.addAttempt(a.Result == "human", a.EndedAt.Valid())
	}
}

// AddFull counts a row with all its fields.
func (c *Count) AddFull(r revoxapi.Row) {
	c.Rows++
	if r.Call == nil {
		return
	}
	c.Calls++
	for _, a := range r.Call.CallAttempts {
		c.addAttempt(a.Result == revoxapi.ResultHuman, a.EndedAt.Valid())
	}
}

func (c *Count) addAttempt(human, ended bool) {
	c.Attempts++
	if human {
		c.Human++
	}
	if ended {
		c.Ended++
	}
}

// addAny counts a page without any of the types that are measured.
func (c *Count) addAny(page []byte) error {
	var tree struct{ Rows []map[string]any }
	if err := json.Unmarshal(page, &tree); err != nil {
		return err
	}
	for _, row := range tree.Rows {
		c.Rows++
		call, ok := row["call"].(map[string]any)
		if !ok {
			continue
		}
		c.Calls++
		for _, a := range call["call_attempts"].([]any) {
			attempt := a.(map[string]any)
			ended, _ := attempt["ended_at"].(string)
			c.addAttempt(attempt["result"] == "human", ended != "")
		}
	}
	return nil
}

// Usual reads a page as most programs would, with the standard library into the full types, and returns how many rows
// it has.
func Usual(packed io.Reader, c *Count) (rows int, err error) {
	plain, err := stdgzip.NewReader(packed)
	if err != nil {
		return 0, err
	}
	var page revoxapi.RowsPage[revoxapi.Row]
	if err := json.NewDecoder(plain).Decode(&page); err != nil {
		return 0, err
	}
	for _, r := range page.Rows {
		c.AddFull(r)
	}
	return len(page.Rows), nil
}
