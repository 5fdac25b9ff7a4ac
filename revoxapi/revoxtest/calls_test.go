package revoxtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"
)

// What the tests of this package read of a row.
type testRow struct {
	ID    string    `json:"id"`
	Index float64   `json:"row_index"`
	Call  *testCall `json:"call"`
}

type testCall struct {
	ID          string        `json:"id"`
	Status      string        `json:"status"`
	Outcome     *string       `json:"outcome"`
	Attempts    []testAttempt `json:"call_attempts"`
	Last        *testAttempt  `json:"last_call_attempt"`
	Count       float64       `json:"calls_count"`
	Created     time.Time     `json:"created_at"`
	Scheduled   time.Time     `json:"scheduled_at"`
	IsCancelled bool          `json:"is_cancelled"`
	IsCompleted bool          `json:"is_completed"`
}

type testAttempt struct {
	ID       string    `json:"id"`
	Status   string    `json:"status"`
	Result   string    `json:"result"`
	Dial     string    `json:"dial_error"`
	EndedBy  string    `json:"ended_by"`
	Reason   string    `json:"end_reason"`
	Started  time.Time `json:"started_at"`
	Answered time.Time `json:"answered_at"`
	Ended    time.Time `json:"ended_at"`
}

func read(t *testing.T, s *Server, id string) []testRow {
	t.Helper()
	var rows []testRow
	for _, raw := range s.Rows(id) {
		var r testRow
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		rows = append(rows, r)
	}
	return rows
}

func attempts(rows []testRow) (n int) {
	for _, r := range rows {
		if r.Call != nil {
			n += len(r.Call.Attempts)
		}
	}
	return n
}

func eachAttempt(rows []testRow, f func(c *testCall, a testAttempt)) {
	for _, r := range rows {
		if r.Call != nil {
			for _, a := range r.Call.Attempts {
				f(r.Call, a)
			}
		}
	}
}

func TestStateDoesNotDependOnWhenItWasLookedAt(t *testing.T) {
	spec := Campaign{
		ID: "c", Name: "c", Rows: 120, AddRowsPerHour: 5, Timezone: "America/New_York", Weight: Light, ReclassifiedShare: 0.2,
		MaxConcurrentCalls: 2, Days: []time.Weekday{time.Monday, time.Wednesday}, Windows: []Window{{"10am", "2pm"}, {"15:00", "18:00"}},
	}
	run := func(seed uint64, step time.Duration) []json.RawMessage {
		clock := NewClock(monday)
		s := newTestServer(t, WithNow(clock.Now), WithSeed(seed))
		s.AddIncident(Incident{Kind: Stall, Start: monday.Add(8 * time.Hour), End: monday.Add(9 * time.Hour)})
		s.AddIncident(Incident{Kind: DialErrorSurge, Campaign: "c", Start: monday.Add(52 * time.Hour)})
		s.AddCampaign(spec)
		for clock.Now().Before(monday.Add(60 * time.Hour)) {
			clock.Advance(step)
			s.Rows("c")
		}
		s.Pause("c")
		s.AddIncident(Incident{Kind: VoicemailSurge})
		clock.Advance(time.Hour)
		s.Resume("c")
		clock.Advance(9 * time.Hour)
		return s.Rows("c")
	}
	jump := run(7, 60*time.Hour)
	for _, step := range []time.Duration{20 * time.Minute, 5 * time.Hour} {
		if steps := run(7, step); !reflect.DeepEqual(jump, steps) {
			t.Errorf("in steps of %v it comes out otherwise", step)
		}
	}
	if reflect.DeepEqual(jump, run(8, 60*time.Hour)) {
		t.Error("another seed changes nothing")
	}
}

func TestCallsLiveAsTheyShould(t *testing.T) {
	for _, c := range []struct {
		name   string
		weight Weight
		step   time.Duration
	}{{"often", Light, 17 * time.Minute}, {"with the last attempt", Realistic, 3 * time.Hour}} {
		t.Run(c.name, func(t *testing.T) { testCallsLive(t, c.weight, c.step) })
	}
}

func testCallsLive(t *testing.T, weight Weight, step time.Duration) {
	clock := NewClock(monday)
	s := newTestServer(t, WithNow(clock.Now))
	id := s.AddCampaign(Campaign{
		Rows: 50, MaxConcurrentCalls: 2, Timezone: "Europe/Paris", Windows: []Window{{"09:00", "12:00"}, {"2pm", "7pm"}},
		RetryDelay: 3 * time.Hour, MaxRetryAttempts: 2, Outcomes: true, AddRowsPerHour: 2, AddRowsFor: 8 * time.Hour,
		CancelledShare: 0.05, ErroredShare: 0.03, Weight: weight,
	})
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	final := map[string]string{}
	statuses, attemptStatuses := map[string]int{}, map[string]int{}
	for clock.Now().Before(monday.Add(96 * time.Hour)) {
		now := clock.Now()
		ids := map[string]bool{}
		calling := 0
		rows := read(t, s, id)
		for i, r := range rows {
			if ids[r.ID] || int(r.Index) != i {
				t.Fatalf("row %d: id %s, index %v", i, r.ID, r.Index)
			}
			ids[r.ID] = true
			c := r.Call
			if c == nil {
				continue
			}
			statuses[c.Status]++
			if was := final[c.ID]; was != "" && was != c.Status {
				t.Fatalf("a call was %s and is %s", was, c.Status)
			}
			finished := c.Status == "completed" || c.Status == "cancelled" || c.Status == "errored"
			if finished {
				final[c.ID] = c.Status
			}
			if c.Status == "calling" {
				calling++
			}
			if int(c.Count) != len(c.Attempts) || len(c.Attempts) > 3 || c.IsCompleted != (c.Status == "completed") || c.IsCancelled != (c.Status == "cancelled") || c.Created.After(now) {
				t.Fatalf("at %v: %+v", now, c)
			}
			if weight != Light && len(c.Attempts) > 0 && (c.Last == nil || *c.Last != c.Attempts[0]) {
				t.Fatalf("last attempt %+v of %+v", c.Last, c.Attempts)
			}
			if c.Outcome != nil && c.Status != "completed" {
				t.Fatalf("a call with an outcome is %s", c.Status)
			}
			for i, a := range c.Attempts {
				attemptStatuses[a.Status]++
				over := a.Status == "completed" || a.Status == "error"
				switch {
				case over == a.Ended.IsZero(),
					over && (a.Started.IsZero() || a.Ended.Before(a.Started)),
					a.Ended.After(now), a.Started.After(now), a.Answered.After(now),
					!a.Answered.IsZero() && (a.Answered.Before(a.Started) || over && a.Ended.Before(a.Answered)),
					a.Status == "ongoing" && a.Answered.IsZero(),
					a.Status == "ringing" && (a.Started.IsZero() || !a.Answered.IsZero()),
					a.Status == "queued" && !a.Started.IsZero(),
					!over && (c.Status != "calling" || i != 0 || a.Result != "" || a.Dial != "" || a.EndedBy != ""),
					a.Dial != "" && (a.Result != "" || !a.Answered.IsZero()),
					a.Result != "" && a.Answered.IsZero(),
					a.Reason != "" && a.EndedBy != "agent":
					t.Fatalf("at %v, call %s: %+v", now, c.Status, a)
				}
				if i > 0 && c.Attempts[i-1].Started.Before(a.Ended.Add(3*time.Hour)) && !c.Attempts[i-1].Started.IsZero() {
					t.Fatalf("tried again after %v", c.Attempts[i-1].Started.Sub(a.Ended))
				}
				if h := a.Started.Add(-3 * time.Second).In(paris); !a.Started.IsZero() && (h.Hour() < 8 || h.Hour() >= 19 || h.Hour() == 12 || h.Hour() == 13 && h.Minute() < 59) {
					t.Fatalf("an attempt at %v", h)
				}
			}
			if c.Status == "calling" != (len(c.Attempts) > 0 && c.Attempts[0].Ended.IsZero()) {
				t.Fatalf("at %v: call %+v", now, c)
			}
			open := now.In(paris).Hour() >= 9 && now.In(paris).Hour() < 19 && now.In(paris).Hour() != 12 && now.In(paris).Hour() != 13
			if c.Status == "queued_for_calling" && !open {
				t.Fatalf("queued at %v", now)
			}
		}
		if calling > 2 {
			t.Fatalf("%d calls at once", calling)
		}
		if weight == Light && clock.Now().Before(monday.Add(time.Hour)) {
			clock.Advance(17 * time.Second) // often enough to see the short states
		} else {
			clock.Advance(step)
		}
	}
	if weight != Light {
		return // looked at too seldom to see everything
	}
	for _, status := range []string{"initializing", "queued_for_calling", "calling", "scheduled", "completed", "cancelled", "errored"} {
		if statuses[status] == 0 {
			t.Errorf("no call was ever %s", status)
		}
	}
	for _, status := range []string{"queued", "ringing", "ongoing", "completed", "error"} {
		if attemptStatuses[status] == 0 {
			t.Errorf("no attempt was ever %s", status)
		}
	}
	if s.campaign(id).status != "completed" {
		t.Errorf("the campaign is %s", s.campaign(id).status)
	}
}

func TestSharesAreRealistic(t *testing.T) {
	clock := NewClock(monday)
	s := newTestServer(t, WithNow(clock.Now))
	id := s.AddCampaign(Campaign{Rows: 4000, Weight: Light, Windows: []Window{{"08:00", "21:00"}}})
	clock.Advance(96 * time.Hour)
	n := map[string]float64{}
	var talks, rings []float64
	eachAttempt(read(t, s, id), func(c *testCall, a testAttempt) {
		n["all"]++
		n[a.Result]++
		n[a.Dial]++
		n["by "+a.EndedBy]++
		if a.Result == "human" {
			talks = append(talks, a.Ended.Sub(a.Answered).Seconds())
			rings = append(rings, a.Answered.Sub(a.Started).Seconds())
		}
	})
	slices.Sort(talks)
	slices.Sort(rings)
	median := func(v []float64) float64 { return v[len(v)/2] }
	for _, c := range []struct {
		what      string
		got       float64
		low, high float64
	}{
		{"attempts", n["all"], 8000, 12000},
		{"human", n["human"] / n["all"], 0.24, 0.36},
		{"voicemail", n["voicemail"] / n["all"], 0.10, 0.18},
		{"no_answer or busy", (n["no_answer"] + n["busy"]) / n["all"], 0.38, 0.52},
		{"too_many_calls", n["too_many_calls"] / n["all"], 0.01, 0.03},
		{"number_non_attributed", n["number_non_attributed"] / n["all"], 0.005, 0.04},
		{"ended by the system", n["by system"] / n["all"], 0.0005, 0.02},
		{"median talk", median(talks), 35, 60},
		{"longest talk", talks[len(talks)-1], 400, 600},
		{"median ring", median(rings), 7, 13},
	} {
		if c.got < c.low || c.got > c.high {
			t.Errorf("%s: %v, want %v to %v", c.what, c.got, c.low, c.high)
		}
	}
}

func TestSpecialCampaigns(t *testing.T) {
	clock := NewClock(monday.Add(4 * time.Hour))
	s := newTestServer(t, WithNow(clock.Now))
	future := s.AddCampaign(Campaign{Name: "future", Rows: 5, Start: clock.Now().Add(time.Hour), RowsWithoutCallShare: -1})
	newest := s.AddCampaign(Campaign{Name: "newest first", AddRowsPerHour: 600, NewestFirst: true, RowsWithoutCallShare: -1})
	bare := s.AddCampaign(Campaign{Name: "no calls", Rows: 50, RowsWithoutCallShare: 1})
	night := s.AddCampaign(Campaign{Name: "night", Rows: 50, Windows: []Window{{"13:00", "13:01"}}, QueueOvernight: true, CancelledShare: -1})
	weekend := s.AddCampaign(Campaign{Name: "weekend", Rows: 5, Days: []time.Weekday{time.Sunday}, CancelledShare: -1, RowsWithoutCallShare: -1})
	clock.Advance(10 * time.Minute)
	for _, r := range read(t, s, future) {
		if r.Call != nil {
			t.Error("a call before the start")
		}
	}
	rows := read(t, s, newest)
	if len(rows) < 50 || rows[0].Index != float64(len(rows)-1) || rows[len(rows)-1].Index != 0 {
		t.Errorf("%d rows, the first has index %v", len(rows), rows[0].Index)
	}
	s.Rows(bare)
	if got := s.campaign(bare).status; got != "completed" {
		t.Errorf("a campaign without calls is %s", got)
	}
	queued := 0
	for _, r := range read(t, s, night) {
		if r.Call != nil && r.Call.Status == "queued_for_calling" {
			queued++
		}
	}
	if queued < 40 {
		t.Errorf("%d calls queued outside the window", queued)
	}
	for _, r := range read(t, s, weekend) {
		if want := time.Date(2026, 3, 8, 10, 0, 0, 0, time.UTC); r.Call.Status != "scheduled" || !r.Call.Scheduled.Equal(want) {
			t.Errorf("%s at %v, want scheduled at %v", r.Call.Status, r.Call.Scheduled, want)
		}
	}
	clock.Advance(time.Hour)
	for _, r := range read(t, s, future) {
		if r.Call == nil {
			t.Error("no call after the start")
		}
	}
}

func TestReclassifiedResultsBecomeKnown(t *testing.T) {
	clock := NewClock(monday.Add(3 * time.Hour))
	s := newTestServer(t, WithNow(clock.Now))
	id := s.AddCampaign(Campaign{Rows: 200, MaxConcurrentCalls: 20, ReclassifiedShare: 1, UnknownShare: -1, MaxRetryAttempts: -1})
	clock.Advance(8 * time.Minute)
	count := func() (n map[string]int) {
		n = map[string]int{}
		eachAttempt(read(t, s, id), func(_ *testCall, a testAttempt) { n[a.Result]++ })
		return n
	}
	early := count()
	clock.Advance(3 * time.Hour)
	late := count()
	if early["unknown"] < 10 || late["unknown"] != 0 || late["human"] < 40 {
		t.Errorf("results %v, later %v", early, late)
	}
}

func TestCalendar(t *testing.T) {
	all := []time.Weekday(nil)
	week := []time.Weekday{1, 2, 3, 4, 5}
	for _, c := range []struct {
		name, zone string
		windows    []Window
		days       []time.Weekday
		at         string
		open       bool
		until      string
	}{
		{"in the window", "", []Window{{"10:00", "18:00"}}, all, "2026-03-02T10:00:00Z", true, "2026-03-02T18:00:00Z"},
		{"at its end", "", []Window{{"10:00", "18:00"}}, all, "2026-03-02T18:00:00Z", false, "2026-03-03T10:00:00Z"},
		{"over the weekend", "", []Window{{"9am", "5:30pm"}}, week, "2026-03-06T17:30:00Z", false, "2026-03-09T09:00:00Z"},
		{"through midnight", "", []Window{{"22:00", "02:00"}}, all, "2026-03-02T01:00:00Z", true, "2026-03-02T02:00:00Z"},
		{"through midnight into a closed day", "", []Window{{"22:00", "02:00"}}, week, "2026-03-07T01:00:00Z", true, "2026-03-07T02:00:00Z"},
		{"clocks go forward", "Europe/Paris", []Window{{"10:00", "18:00"}}, all, "2026-03-29T07:59:59Z", false, "2026-03-29T08:00:00Z"},
		{"before they do", "Europe/Paris", []Window{{"10:00", "18:00"}}, all, "2026-03-28T08:59:59Z", false, "2026-03-28T09:00:00Z"},
		{"to midnight", "Asia/Tokyo", []Window{{"12:00", "24:00"}}, all, "2026-03-02T14:00:00Z", true, "2026-03-02T15:00:00Z"},
	} {
		k, err := newCalendar(c.zone, c.windows, c.days)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		open, until := k.at(at.UnixMilli())
		if got := time.UnixMilli(until).UTC().Format(time.RFC3339); open != c.open || got != c.until {
			t.Errorf("%s: open %v until %s", c.name, open, got)
		}
	}
	for _, bad := range []Window{{"25:00", "26:00"}, {"", "1pm"}, {"10:00", "13pm"}} {
		if _, err := newCalendar("", []Window{bad}, nil); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestTimesAreWrittenAsTimeWritesThem(t *testing.T) {
	d := dice(1)
	for i := range 20_000 {
		ms := int64(d.next()%(1<<43)) - 1<<41 // the years 1900 to 2178
		want := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		if got := string(appendMillis(nil, ms)); got != want {
			t.Fatalf("%d: %s, want %s", i, got, want)
		}
	}
}

func TestTextsAreWrittenAsJSONWritesThem(t *testing.T) {
	for _, s := range []string{"", "plain", "\"\\/\n\t\r\x00\x1f", "é漢😀", fmt.Sprint(promptLines)} {
		var got string
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil || got != s {
			t.Errorf("%q became %q (%v)", s, got, err)
		}
	}
}
