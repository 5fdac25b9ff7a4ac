package sim_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
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

func read(t *testing.T, s *sim.Simulation, id string) []testRow {
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
	spec := sim.Campaign{
		ID: "c", Name: "c", Rows: 120, AddRowsPerHour: 5, Timezone: "America/New_York", Weight: sim.Light, ReclassifiedShare: 0.2,
		MaxConcurrentCalls: 2, Days: []time.Weekday{time.Monday, time.Wednesday}, Windows: []sim.Window{{"10am", "2pm"}, {"15:00", "18:00"}},
	}
	run := func(seed uint64, step time.Duration) []json.RawMessage {
		clock := revoxtest.NewClock(monday)
		s := newSimulation(t, revoxtest.WithNow(clock.Now), revoxtest.WithSeed(seed))
		s.AddIncident(sim.Incident{Kind: sim.Stall, Start: monday.Add(8 * time.Hour), End: monday.Add(9 * time.Hour)})
		s.AddIncident(sim.Incident{Kind: sim.DialErrorSurge, Campaign: "c", Start: monday.Add(52 * time.Hour)})
		s.AddCampaign(spec)
		for clock.Now().Before(monday.Add(60 * time.Hour)) {
			clock.Advance(step)
			s.Rows("c")
		}
		s.Pause("c")
		s.AddIncident(sim.Incident{Kind: sim.VoicemailSurge})
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
		weight sim.Weight
		step   time.Duration
	}{{"often", sim.Light, 17 * time.Minute}, {"with the last attempt", sim.Realistic, 3 * time.Hour}} {
		t.Run(c.name, func(t *testing.T) { testCallsLive(t, c.weight, c.step) })
	}
}

func testCallsLive(t *testing.T, weight sim.Weight, step time.Duration) {
	clock := revoxtest.NewClock(monday)
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{
		Rows: 50, MaxConcurrentCalls: 2, Timezone: "Europe/Paris", Windows: []sim.Window{{"09:00", "12:00"}, {"2pm", "7pm"}},
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
			if weight != sim.Light && len(c.Attempts) > 0 && (c.Last == nil || *c.Last != c.Attempts[0]) {
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
		if weight == sim.Light && clock.Now().Before(monday.Add(time.Hour)) {
			clock.Advance(17 * time.Second) // often enough to see the short states
		} else {
			clock.Advance(step)
		}
	}
	if weight != sim.Light {
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
	if got := status(t, s, id); got != "completed false" {
		t.Errorf("the campaign is %s", got)
	}
}

func TestSharesAreRealistic(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{Rows: 4000, Weight: sim.Light, Windows: []sim.Window{{"08:00", "21:00"}}})
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
	clock := revoxtest.NewClock(monday.Add(4 * time.Hour))
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	future := s.AddCampaign(sim.Campaign{Name: "future", Rows: 5, Start: clock.Now().Add(time.Hour), RowsWithoutCallShare: -1})
	newest := s.AddCampaign(sim.Campaign{Name: "newest first", AddRowsPerHour: 600, NewestFirst: true, RowsWithoutCallShare: -1})
	bare := s.AddCampaign(sim.Campaign{Name: "no calls", Rows: 50, RowsWithoutCallShare: 1})
	night := s.AddCampaign(sim.Campaign{Name: "night", Rows: 50, Windows: []sim.Window{{"13:00", "13:01"}}, QueueOvernight: true, CancelledShare: -1})
	weekend := s.AddCampaign(sim.Campaign{Name: "weekend", Rows: 5, Days: []time.Weekday{time.Sunday}, CancelledShare: -1, RowsWithoutCallShare: -1})
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
	if got := status(t, s, bare); got != "completed false" {
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
	clock := revoxtest.NewClock(monday.Add(3 * time.Hour))
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{Rows: 200, MaxConcurrentCalls: 20, ReclassifiedShare: 1, UnknownShare: -1, MaxRetryAttempts: -1})
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

func TestFiltersKnowLivingRows(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{Rows: 200})
	clock.Advance(5 * time.Hour)
	sum := 0
	for _, status := range []string{"initializing", "queued_for_calling", "calling", "scheduled", "completed", "cancelled", "errored"} {
		var answer struct{ Total int }
		if err := json.Unmarshal(get(t, s, "/campaigns/"+id+"/rows?page=0&page_size=1&statuses="+status), &answer); err != nil {
			t.Fatal(err)
		}
		sum += answer.Total
	}
	calls := 0
	for _, r := range read(t, s, id) {
		if r.Call != nil {
			calls++
		}
	}
	if sum != calls || calls < 150 {
		t.Errorf("%d calls by status, %d in all", sum, calls)
	}
}

func TestCampaignsChange(t *testing.T) {
	clock := revoxtest.NewClock(monday.Add(3 * time.Hour))
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{Name: "one", Rows: 300, MaxConcurrentCalls: 3})
	other := s.AddCampaign(sim.Campaign{Name: "two", Rows: 3, Draft: true})
	expect := func(id, want string) {
		t.Helper()
		if got := status(t, s, id); got != want {
			t.Errorf("status %s, want %s", got, want)
		}
	}
	expect(id, "running false")
	expect(other, "draft false")
	clock.Advance(10 * time.Minute)
	s.Pause(id)
	clock.Advance(20 * time.Minute) // what is under way ends
	before := attempts(read(t, s, id))
	clock.Advance(time.Hour)
	expect(id, "paused false")
	if after := attempts(read(t, s, id)); before == 0 || after != before {
		t.Errorf("%d attempts, then %d while paused", before, after)
	}
	s.Resume(id)
	clock.Advance(10 * time.Minute)
	expect(id, "running false")
	if after := attempts(read(t, s, id)); after <= before {
		t.Error("no attempts after resuming")
	}
	s.Cancel(id)
	expect(id, "completed true")
	for _, r := range read(t, s, id) {
		if r.Call != nil && !slices.Contains([]string{"completed", "cancelled", "errored"}, r.Call.Status) {
			t.Errorf("a call is %s after its campaign was cancelled", r.Call.Status)
		}
	}
	s.Resume(other)
	s.Rename(other, "three")
	expect(other, "running false")
	if list := string(get(t, s, "/campaigns")); !strings.Contains(list, `"name":"three"`) {
		t.Error("not renamed")
	}
	s.Remove(id)
	if code, _ := ask(t, s, "/campaigns/"+id); code != 404 {
		t.Errorf("a removed campaign is answered with %d", code)
	}
	if ids := s.CampaignIDs(); !slices.Equal(ids, []string{other}) {
		t.Errorf("campaigns %v", ids)
	}
}

func TestPersonalFindsEveryPersonalValue(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{Rows: 40})
	clock.Advance(30 * time.Hour)
	values := s.Personal(id)
	for _, want := range []string{"+", "cust-", "contact.", "order-", "crm-", "import-", "https://recordings", "# Role", "Hello, I am calling", "ref-", "wishes to hear"} {
		if !slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, want) }) {
			t.Errorf("nothing that begins with %q", want)
		}
	}
}
