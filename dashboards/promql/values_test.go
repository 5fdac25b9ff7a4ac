package promql

import (
	"context"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// campaign is a campaign that is read each minute for a while, and how its numbers go.
type campaign struct {
	name        string
	from, until int // minutes; the exporter no longer reads it after until
	attempts    float64
	refused     float64 // of them, in the last ten minutes of all
	status      string
	calling     float64
	limit       float64 // 0: the API gives none
	waiting     float64
}

// lasts is for how many minutes all campaigns together are read.
const lasts = 120

// lives are the cases in which dashboards have shown wrong numbers: campaigns that ended within the selected time,
// more of them than a graph shows; one without a limit, and with more calls than the limit of another; one that is
// completed and has rows that never got a call.
var lives = map[string]campaign{
	"short": {name: "Short list", from: 10, until: 40, attempts: 637, status: "running"},
	"gone1": {name: "Gone", until: 20}, "gone2": {name: "Gone", until: 21}, "gone3": {name: "Gone", until: 22},
	"gone4": {name: "Gone", until: 23}, "gone5": {name: "Gone", until: 24},
	"busy":  {name: "Busy", until: lasts, attempts: 1200, refused: 80, status: "running", calling: 4, limit: 4, waiting: 100},
	"free":  {name: "Free", until: lasts, attempts: 120, status: "running", calling: 13, waiting: 50},
	"ended": {name: "Ended", until: lasts, attempts: 0, status: "completed", limit: 2, waiting: 12},
}

// fillLives writes the minutes of lives, scraped from one of two exporters. It returns the time of the last.
func fillLives(t *testing.T, s *store) time.Time {
	t.Helper()
	start := time.Unix(1_800_000_000, 0)
	app := s.db.AppenderV2(context.Background())
	add := func(minute int, v float64, name string, pairs ...string) {
		ls := labels.FromStrings(append(pairs, "__name__", name, "job", "revox")...)
		at := start.Add(time.Duration(minute) * time.Minute).UnixMilli()
		if _, err := app.Append(0, ls, 0, at, v, nil, nil, storage.AOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for minute := range lasts + 1 {
		add(minute, 1, "up", "instance", "a")
		add(minute, 0, "up", "instance", "b")
		for id, c := range lives {
			if minute < c.from || minute > c.until+1 {
				continue
			}
			write := func(v float64, name string, pairs ...string) {
				if minute > c.until {
					v = math.Float64frombits(value.StaleNaN)
				}
				add(minute, v, name, append(pairs, "campaign_id", id, "instance", "a")...)
			}
			grown := float64(minute-c.from) / float64(c.until-c.from)
			write(1, "revox_campaign_info", "campaign_name", c.name)
			write(1, "revox_campaign_up")
			write(float64(start.Unix()+int64(minute)*60-10), "revox_campaign_last_scan_success_timestamp_seconds")
			write(c.attempts*grown, "revox_campaign_call_attempts_finished_total", "status", "completed")
			write(c.refused*max(0, float64(minute-lasts+10))/10, "revox_campaign_call_attempt_dial_errors_total",
				"dial_error", "too_many_calls")
			write(c.waiting, "revox_campaign_rows_without_call")
			write(200, "revox_campaign_rows")
			write(c.calling, "revox_campaign_calls", "status", "calling")
			write(float64(minute), "revox_campaign_calls", "status", "completed")
			if c.status != "" {
				write(1, "revox_campaign_status", "status", c.status)
			}
			if c.limit > 0 {
				write(c.limit, "revox_campaign_max_concurrent_calls")
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	return start.Add(lasts * time.Minute)
}

func TestValues(t *testing.T) {
	s := openStore(t)
	end := fillLives(t, s)
	queries := map[string]query{}
	for _, q := range readQueries(t) {
		queries[q.String()] = q
	}
	for _, test := range []struct {
		name, query, campaign string
		want                  map[string]float64 // by what the series' labels must contain
		only                  bool               // there are no other series
	}{
		{"campaigns that ended have their names", "capacity: What does each campaign need? / A", ".+",
			map[string]float64{`"Short list"`: 1, `"Busy"`: 1}, false},
		{"each attempt of a short campaign counts", "capacity: What does each campaign need? / B", ".+",
			map[string]float64{`"short"`: 637}, false},
		{"campaigns that are not read any more have no age", "exporter: Which campaigns have the oldest data? / A", ".+",
			map[string]float64{`"Busy"`: 10, `"Free"`: 10, `"Ended"`: 10}, true},
		{"one of two exporters answers", "overview: Exporters? / A", ".+",
			map[string]float64{`all="2", up="1"`: 0.5}, true},
		{"no campaign says its status", "campaign: Status? / A", "gone1", map[string]float64{`"not known"`: -1}, true},
		{"refused attempts of the last ten minutes", "overview: Refused? / A", ".+",
			map[string]float64{"{}": 80.0 / 110}, true},
		{"attempts of less than a day are not scaled up", "capacity: Attempts a day / A", ".+",
			map[string]float64{"{}": 637 + 1200 + 120}, true},
		{"a day has the attempts of campaigns that ended in it",
			"capacity: How many attempts does each day bring, and its busiest hour? / A", ".+",
			map[string]float64{"{}": 637 + 1200 + 120}, true},
		{"calls of campaigns without a limit are not compared with it", "capacity: How near are calls in progress to the limit? / A", ".+",
			map[string]float64{"{}": 4}, true},
		{"two hours are too little for a forecast", "capacity: Is the backlog going down, and where will it be in a week? / B", ".+",
			nil, true},
		{"two hours are too little for a time to finish", "capacity: What does each campaign need? / I", ".+",
			map[string]float64{`"ended"`: 0}, true},
		{"one finished campaign does not finish all", "capacity: Time left? / A", ".+", nil, true},
		{"completed campaigns wait for nothing", "capacity: What does each campaign need? / H", ".+",
			map[string]float64{`"ended"`: 0, `"busy"`: 104, `"free"`: 63}, true},
		{"a completed campaign is finished", "campaign: Time left? / A", "ended",
			map[string]float64{"{}": 0}, true},
		{"a campaign ends its calls", "campaign: Time left? / A", "busy",
			map[string]float64{"{}": 104 * 60}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			q, ok := queries[test.query]
			if !ok {
				t.Fatalf("no query %s", test.query)
			}
			expr, err := expand(q, scale{rate: 4 * time.Minute, span: 30 * 24 * time.Hour, campaign: test.campaign})
			if err != nil {
				t.Fatal(err)
			}
			found, err := s.series(expr.String(), q.Instant, end.Add(-30*time.Minute), end, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if test.only && len(found) != len(test.want) {
				t.Errorf("%d series, want %d: %v", len(found), len(test.want), found)
			}
			for part, want := range test.want {
				seen := false
				for labels, got := range found {
					if strings.Contains(labels, part) {
						seen = true
						if math.Abs(got-want) > 1e-6 {
							t.Errorf("%s is %g, want %g", labels, got, want)
						}
					}
				}
				if !seen {
					t.Errorf("no series with %s: %v", part, found)
				}
			}
		})
	}
}

// A call that is cancelled in a paused campaign is no pace.
func TestFewCallsAreNoForecast(t *testing.T) {
	s := openStore(t)
	start := time.Unix(1_800_000_000, 0)
	end := start.Add(8 * time.Hour)
	app := s.db.AppenderV2(context.Background())
	for minute := 0; minute <= 480; minute += 5 {
		for id, ended := range map[string]map[string]int{
			"fast": {"completed": minute / 60 * 10},
			"slow": {"completed": 300, "cancelled": minute / 240},
		} {
			add := func(v int, name string, pairs ...string) {
				ls := labels.FromStrings(append(pairs, "__name__", name, "campaign_id", id, "instance", "a", "job", "revox")...)
				at := start.Add(time.Duration(minute) * time.Minute).UnixMilli()
				if _, err := app.Append(0, ls, 0, at, float64(v), nil, nil, storage.AOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			add(1, "revox_campaign_up")
			add(0, "revox_campaign_rows_without_call")
			add(120, "revox_campaign_calls", "status", "queued_for_calling")
			for status, n := range ended {
				add(n, "revox_campaign_calls", "status", status)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]float64{
		"capacity: Time left? / A":                    {"{}": 12 * 3600},
		"capacity: What does each campaign need? / I": {`{campaign_id="fast"}`: 12 * 3600},
	}
	for _, q := range readQueries(t) {
		if want[q.String()] == nil {
			continue
		}
		expr, err := expand(q, scale{rate: 4 * time.Minute, span: 30 * 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.series(expr.String(), q.Instant, end, end, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(got, want[q.String()], func(a, b float64) bool { return math.Abs(a-b) < 1 }) {
			t.Errorf("%s: %v, want %v", q, got, want[q.String()])
		}
		delete(want, q.String())
	}
	if len(want) > 0 {
		t.Errorf("no queries %v", want)
	}
}
