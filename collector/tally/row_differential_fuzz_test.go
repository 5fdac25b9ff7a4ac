package tally

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// The few fields that are counted mean the same as in the whole, typed row, whatever a page holds that both can read.
func FuzzLeanAndWholeRows(f *testing.F) {
	for _, text := range readRows(f, "../testdata/hand_counted.json") {
		f.Add([]byte(`{"rows": [` + string(text) + `]}`))
	}
	for _, body := range []string{
		`{"rows": [{"id": "r", "call": {"status": "calling", "outcome": null, "campaign": null, "created_at": {}, "call_attempts": [null, {}]}}]}`,
		`{"rows": [{"id": "r", "call": {"call_attempts": [{"status": "a", "result": null}], "call_attempts": [{"end_reason": "b"}]}, "call": {"status": "c"}}]}`,
		`{"rows": [{"id": "r", "id": "s", "call": {"campaign": {"name": "a"}, "campaign": {"name": null}}}, {"id": "s", "call": null}]}`,
		`{"rows": [{"id": "\u0072", "call": {"st\u0061tus": "\ud800\u0000", "outcome": "interested", "campaign": {"name": "é\ud83d\ude00"}, "Status": "no"}}]}`,
		"{\"rows\": [{\"id\": \"\xff\", \"call\": {\"status\": \"\xc3(\", \"created_at\": \"2024-05-01T08:00:00+02:00\", \"scheduled_at\": 7}}]}",
		`{"rows": [{"id": "r", "call": {"last_call_attempt": {"status": "completed"}, "call_attempts": [{"started_at": 1714554000, "ended_at": [], "answered_at": ""}]}}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		client := clientOfOneAnswer(t, body)
		whole, err := client.Page(context.Background(), "c", revoxapi.RowsParams{})
		if err != nil {
			return
		}
		var lean []Row
		for r, err := range revoxapi.Rows[Row](context.Background(), client, "c", revoxapi.RowsParams{}) {
			if err != nil {
				return // the total is a lie
			}
			lean = append(lean, r)
		}
		seen := map[string]bool{}
		for i := range whole.Rows {
			w := &whole.Rows[i]
			if seen[w.ID] {
				continue
			}
			if seen[w.ID] = true; len(lean) == 0 {
				t.Fatalf("row %d is lost", i)
			}
			if got, want := ofLean(&lean[0]), ofWhole(w); got != want {
				t.Errorf("row %d is counted as\n%s\nand is\n%s", i, got, want)
			}
			lean = lean[1:]
		}
		if len(lean) > 0 {
			t.Errorf("%d rows too many", len(lean))
		}
	})
}

func ofLean(r *Row) string {
	if r.Call == nil {
		return fmt.Sprintf("%q", r.ID)
	}
	text := fmt.Sprintf("%q %q %q %q %s", r.ID, r.Call.Status, r.Call.Outcome.value, r.Call.Campaign.Name, ofTime(r.Call.CreatedAt))
	for _, a := range r.Call.Attempts {
		text += fmt.Sprintf("\n%q %q %q %q %q %s %s %s", a.Status, a.Result, a.DialError, a.EndedBy, a.EndReason, ofTime(a.StartedAt), ofTime(a.AnsweredAt), ofTime(a.EndedAt))
	}
	return text
}

func ofWhole(r *revoxapi.Row) string {
	if r.Call == nil {
		return fmt.Sprintf("%q", r.ID)
	}
	name := ""
	if r.Call.Campaign != nil {
		name = r.Call.Campaign.Name
	}
	text := fmt.Sprintf("%q %q %q %q %s", r.ID, string(r.Call.Status), string(r.Call.Outcome), name, ofTime(r.Call.CreatedAt))
	for _, a := range r.Call.CallAttempts {
		text += fmt.Sprintf("\n%q %q %q %q %q %s %s %s", string(a.Status), string(a.Result), string(a.DialError), string(a.EndedBy), string(a.EndReason),
			ofTime(a.StartedAt), ofTime(a.AnsweredAt), ofTime(a.EndedAt))
	}
	return text
}

func ofTime(at revoxapi.Timestamp) string {
	switch {
	case at.Valid():
		return at.Time.UTC().String()
	case at.Unreadable():
		return "unreadable"
	}
	return "absent"
}

// clientOfOneAnswer returns a client whose requests are all answered with body.
func clientOfOneAnswer(t *testing.T, body []byte) *revoxapi.Client {
	t.Helper()
	client, err := revoxapi.NewClient(revoxapi.StaticKey("k"), revoxapi.WithBaseURL("http://fuzz.invalid"), revoxapi.WithMaxRetries(0),
		revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
		})))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
