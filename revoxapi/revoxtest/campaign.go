package revoxtest

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// Campaign is what a [Server] serves as a campaign: its entry in the campaign list, and its rows. [Server.SetRows]
// makes one of fixed rows; package sim has campaigns that live. The server never calls the methods of one campaign
// concurrently, and they must not call the server.
type Campaign interface {
	// Advance brings the campaign to the time now. The other methods show it at the time that it was last brought to. A
	// time before that one has no effect.
	Advance(now time.Time)
	// Entry returns the campaign's entry, always the same one. The server changes it on behalf of [Server.Pause],
	// [Server.Rename] and the like. The ID must never change.
	Entry() *Entry
	// Len returns the number of rows.
	Len() int
	// AppendRow appends the JSON of row i, from 0 on, in the order in which rows are served.
	AppendRow(b []byte, i int) []byte
}

// StatusKnower is a [Campaign] that knows the statuses of its calls, so that the filter `statuses` does not have to read
// them from the rows.
type StatusKnower interface {
	Campaign
	// StatusOf returns the status of the call of row i; "" if the row has no call.
	StatusOf(i int) string
}

// Controlled is a [Campaign] that acts when its status is changed from outside.
type Controlled interface {
	Campaign
	// Resumed is called by [Server.Resume] for a campaign that was paused, after its status was set to running, and for
	// a draft, which has to set its status itself.
	Resumed()
	// Cancelled is called by [Server.Cancel] after the entry was changed.
	Cancelled()
}

// Entry is a campaign in the campaign list.
type Entry struct {
	ID, Name         string
	Status           string // draft, running, paused or completed
	Cancelled        bool
	Created, Updated time.Time // served as the present time while they are in the future

	AssistantID, OrganizationID string
	Assistant                   string // JSON; "" leaves the field out

	NewerFields        bool // the following fields are served
	MaxConcurrentCalls int
	FromPhoneNumber    string
}

// SetStatus changes the status, and with it the time of the last change.
func (e *Entry) SetStatus(status string, at time.Time) {
	if e.Status != status {
		e.Status, e.Updated = status, at
	}
}

// append writes the entry as it is at the time now.
func (e *Entry) append(w *wire.Encoder, now time.Time) {
	w.Raw(`{"id":`)
	w.Text(e.ID)
	w.Raw(`,"name":`)
	w.Text(e.Name)
	w.Raw(`,"status":`)
	w.Text(e.Status)
	w.Raw(`,"is_cancelled":`)
	w.Bool(e.Cancelled)
	w.Raw(`,"created_at":`)
	w.Time(min(e.Created.UnixMilli(), now.UnixMilli()))
	w.Raw(`,"updated_at":`)
	w.Time(min(e.Updated.UnixMilli(), now.UnixMilli()))
	w.Raw(`,"assistant_id":`)
	w.Text(e.AssistantID)
	w.Raw(`,"organization_id":`)
	w.Text(e.OrganizationID)
	if e.Assistant != "" {
		w.Raw(`,"assistant":`)
		w.Raw(e.Assistant)
	}
	if e.NewerFields {
		w.Raw(`,"max_concurrent_calls":`)
		w.Number(e.MaxConcurrentCalls)
		w.Raw(`,"from_phone_number":`)
		w.Text(e.FromPhoneNumber)
		w.Raw(`,"scheduled_at":null`)
	}
	w.Raw(`}`)
}

// served is a campaign of a server, with the lock under which its methods are called.
type served struct {
	mu sync.Mutex
	Campaign
}

// do brings the campaign to the time now and calls f with it while nobody else does anything with it.
func (c *served) do(now time.Time, f func(Campaign)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Advance(now)
	f(c.Campaign)
}

// appendEntry writes the campaign's entry.
func (c *served) appendEntry(w *wire.Encoder, now time.Time) {
	c.do(now, func(c Campaign) { c.Entry().append(w, now) })
}

// fixed is a campaign of exactly the given rows.
type fixed struct {
	entry Entry
	rows  []json.RawMessage
}

func newFixed(id, name string, seed uint64, style Style, now time.Time, rows []json.RawMessage) *fixed {
	texts := wire.NewTexts(id, seed, wire.Settings{
		Windows: [][2]string{{"10:00", "18:00"}}, MaxRetryAttempts: 3, RetryDelay: 2 * time.Hour, MaxCallDuration: 10 * time.Minute,
		Start: now, PromptSize: 4500,
	}, style)
	return &fixed{rows: rows, entry: Entry{
		ID: id, Name: name, Status: "running", Created: now, Updated: now,
		AssistantID: texts.AssistantID, OrganizationID: texts.OrganizationID, Assistant: texts.Assistant,
		NewerFields: style.NewerFields, MaxConcurrentCalls: 2 + len(rows)/500, FromPhoneNumber: texts.FromNumber,
	}}
}

func (f *fixed) Advance(time.Time)                {}
func (f *fixed) Entry() *Entry                    { return &f.entry }
func (f *fixed) Len() int                         { return len(f.rows) }
func (f *fixed) AppendRow(b []byte, i int) []byte { return append(b, f.rows[i]...) }
