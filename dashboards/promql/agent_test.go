package promql

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// agentChanged is the query that marks on the graphs when agents changed.
const agentChanged = "annotation Agent changed"

// agentsLast is for how many minutes campaigns with agents are read, by two exporters.
const agentsLast = 180

// fillAgents writes campaigns for the dashboard of agents, each with 60 attempts an hour:
//   - "steady" has gpt-4.1 from the beginning, and a third of its attempts are answered by humans. Its agent is silent in a
//     tenth of the answered attempts, and one in five uses of a tool fails.
//   - "swapped" gets another model at minute 90, which one exporter sees 3 minutes later than the other.
//   - "later" is read from minute 100. Its rows have no transcripts.
//   - "plain" has no assistant and no transcripts.
//
// Both exporters are restarted: one at minute 40, both at minute 60, for as long as a scrape.
func fillAgents(t *testing.T, s *store, native bool) (start, end time.Time) {
	t.Helper()
	start = time.Unix(1_800_000_000, 0)
	app := s.db.AppenderV2(context.Background())
	add := func(minute int, v float64, h *histogram.FloatHistogram, name string, pairs ...string) {
		ls := labels.FromStrings(append(pairs, "__name__", name, "job", "revox")...)
		at := start.Add(time.Duration(minute) * time.Minute).UnixMilli()
		if _, err := app.Append(0, ls, 0, at, v, nil, h, storage.AOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, instance := range []string{"a", "b"} {
		swap := map[string]int{"a": 90, "b": 93}[instance]
		for minute := range agentsLast + 1 {
			down := minute == 60 || minute == 40 && instance == "a"
			for _, id := range []string{"steady", "swapped", "later", "plain"} {
				if id == "later" && minute < 100 {
					continue
				}
				write := func(v float64, name string, pairs ...string) {
					if down {
						v = math.Float64frombits(value.StaleNaN)
					}
					add(minute, v, nil, name, append(pairs, "campaign_id", id, "instance", instance)...)
				}
				// observed writes a histogram of which some observations are zero.
				observed := func(count, zero, sum float64, name string, pairs ...string) {
					switch {
					case !native:
						write(sum, name+"_sum", pairs...)
						write(count, name+"_count", pairs...)
						write(zero, name+"_bucket", append(pairs, "le", "0.0")...)
						write(count, name+"_bucket", append(pairs, "le", "+Inf")...)
						return
					case down:
						sum = math.Float64frombits(value.StaleNaN)
					}
					h := &histogram.FloatHistogram{
						Count: count, ZeroCount: zero, ZeroThreshold: 1e-9, Sum: sum,
						PositiveSpans: []histogram.Span{{Offset: 3, Length: 1}}, PositiveBuckets: []float64{count - zero},
					}
					add(minute, 0, h, name, append(pairs, "campaign_id", id, "instance", instance)...)
				}
				is := func(model string, v float64) {
					write(v, "revox_campaign_assistant_info", "assistant_id", "1", "assistant_name", "Emma", "llm_model", model,
						"llm_provider", "dedicated-instance", "voice_provider", "cartesia")
				}
				switch stale := math.Float64frombits(value.StaleNaN); {
				case id == "plain":
				case id != "swapped":
					is("gpt-4.1", 1)
				case minute < swap:
					is("old", 1)
				default:
					is("new", 1)
					if minute == swap {
						is("old", stale)
					}
				}
				n := float64(minute)
				write(1, "revox_campaign_info", "campaign_name", "Campaign "+id)
				write(1, "revox_campaign_up")
				write(n, "revox_campaign_call_attempts_finished_total", "status", "completed")
				write(n/3, "revox_campaign_call_attempt_results_total", "result", "human")
				write(n*2/3, "revox_campaign_call_attempt_results_total", "result", "none")
				write(n/4, "revox_campaign_call_attempt_ended_by_total", "ended_by", "system")
				write(n*3/4, "revox_campaign_call_attempt_ended_by_total", "ended_by", "user")
				observed(n/3, 0, n/3*50, "revox_campaign_call_attempt_talk_duration_seconds", "result", "human")
				if id == "later" || id == "plain" {
					continue
				}
				write(n, "revox_campaign_tool_calls_total", "tool_name", "find_appointment")
				write(n/5, "revox_campaign_tool_errors_total", "tool_name", "find_appointment")
				for role, turns := range map[string]float64{"assistant": 5, "user": 4} {
					observed(n/2, n/20, n/2*turns, "revox_campaign_call_attempt_turns", "role", role)
				}
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	return start, start.Add(agentsLast * time.Minute)
}

func agentQuery(t *testing.T, where string) query {
	t.Helper()
	for _, q := range readQueries(t) {
		if q.dashboard == "agent" && q.Where == where {
			return q
		}
	}
	t.Fatalf("no query %s", where)
	return query{}
}

// A change of an agent is marked once: not when an exporter starts, a campaign begins or the second exporter sees it.
func TestAgentChanges(t *testing.T) {
	s := openStore(t)
	start, end := fillAgents(t, s, false)
	for _, shift := range []time.Duration{0, time.Minute, 4 * time.Minute} { // of the steps
		marked := map[time.Duration]string{}
		expr, err := expand(agentQuery(t, agentChanged), scale{})
		if err != nil {
			t.Fatal(err)
		}
		for at := start.Add(shift); !at.After(end); at = at.Add(5 * time.Minute) {
			found, err := s.series(expr.String(), true, at, at, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) > 0 {
				marked[at.Sub(start)] = strings.Join(slices.Collect(maps.Keys(found)), ", ")
			}
		}
		want := 90*time.Minute + shift
		if len(marked) != 1 || !strings.Contains(marked[want], `llm_model="new"`) {
			t.Errorf("marked are %v, want the new model at %s and nothing else", marked, want)
		}
	}
}

func TestAgentValues(t *testing.T) {
	for _, native := range []bool{false, true} {
		t.Run(fmt.Sprintf("native=%t", native), func(t *testing.T) { testAgentValues(t, native) })
	}
}

func testAgentValues(t *testing.T, native bool) {
	s := openStore(t)
	start, end := fillAgents(t, s, native)
	ask := func(t *testing.T, where, by, campaign string) map[string]float64 {
		t.Helper()
		q := agentQuery(t, where)
		expr, err := expand(q, scale{rate: 4 * time.Minute, span: end.Sub(start) + time.Minute, by: by, campaign: campaign})
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.series(expr.String(), q.Instant, end.Add(-2*time.Hour), end, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	const mixed = "changed in this time"
	for _, test := range []struct {
		where, by, campaign string
		want                map[string]float64 // by what the series' labels must contain
	}{
		{"Who gets people to talk? / A", "llm_model", ".+",
			map[string]float64{`"gpt-4.1"`: 180 + 80, mixed: 180, `"not known"`: 180}},
		{"Who gets people to talk? / A", "campaign_name", "steady|plain",
			map[string]float64{`"Campaign steady"`: 180, `"Campaign plain"`: 180}},
		{"Who gets people to talk? / A", "campaign_name", "swapped", map[string]float64{`"Campaign swapped"`: 180}},
		{"Who gets people to talk? / A", "voice_provider", ".+", map[string]float64{`"cartesia"`: 440, `"not known"`: 180}},
		{"Who gets people to talk? / A", "llm_provider", ".+", map[string]float64{`"dedicated-instance"`: 440, `"not known"`: 180}},
		{"Who gets people to talk? / A", "assistant_name", ".+", map[string]float64{`"Emma"`: 440, `"not known"`: 180}},
		{"Who gets people to talk? / B", "assistant_name", ".+", map[string]float64{`"Emma"`: 1. / 3, `"not known"`: 1. / 3}},
		{"Who gets people to talk? / C", "assistant_name", ".+", map[string]float64{`"Emma"`: 50, `"not known"`: 50}},
		{"Who gets people to talk? / D", "assistant_name", ".+", map[string]float64{`"Emma"`: .25, `"not known"`: .25}},
		{"Who gets people to talk? / E", "llm_model", ".+", map[string]float64{`"gpt-4.1"`: .1, mixed: .1}},
		{"Who gets people to talk? / F", "llm_model", ".+", map[string]float64{`"gpt-4.1"`: 9, mixed: 9}},
		// On graphs, what is gone has a line too.
		{"What share do humans answer? / A", "llm_model", ".+",
			map[string]float64{`"gpt-4.1"`: 1. / 3, `"new"`: 1. / 3, `"old"`: 1. / 3, `"not known"`: 1. / 3}},
		{"In what share is the agent silent? / A", "llm_model", ".+",
			map[string]float64{`"gpt-4.1"`: .1, `"new"`: .1, `"old"`: .1}},
		{"Which tools fail? / A", "llm_model", ".+", map[string]float64{`"gpt-4.1"`: 180, mixed: 180}},
		{"Which tools fail? / B", "llm_model", ".+", map[string]float64{`gpt-4.1"`: 36, mixed: 36}},
		{"Which tools fail? / C", "llm_model", ".+", map[string]float64{`gpt-4.1"`: .2, mixed: .2}},
		{"Tool errors? / A", "llm_model", ".+", map[string]float64{`{}`: .2}},
		{"Agent silent? / A", "llm_model", ".+", map[string]float64{`{}`: .1}},
		// Campaigns without transcripts have none of these.
		{"Agent silent? / A", "llm_model", "plain", nil},
		{"Tool errors? / A", "llm_model", "plain", nil},
		{"Who gets people to talk? / E", "llm_model", "plain", nil},
		{"Which tools fail? / A", "llm_model", "plain", nil},
		{"Who gets people to talk? / F", "llm_model", "plain", nil},
		{"What changed when? / A", "llm_model", ".+", map[string]float64{
			`"old"`: float64(start.UnixMilli()), `"new"`: float64(start.Add(90 * time.Minute).UnixMilli())}},
		{"What changed when? / B", "llm_model", ".+", map[string]float64{
			` old `: float64(start.Add(92 * time.Minute).UnixMilli()), ` new `: float64(end.UnixMilli())}},
		{"Which agent does each campaign have? / B", "llm_model", ".+", map[string]float64{
			`"steady"`: 1, `"swapped"`: 1, `"later"`: 1}},
	} {
		t.Run(fmt.Sprint(test.where, " ", test.by, " ", test.campaign), func(t *testing.T) {
			found := ask(t, test.where, test.by, test.campaign)
			if len(found) != len(test.want) {
				t.Errorf("%d series, want %d: %v", len(found), len(test.want), found)
			}
			for part, want := range test.want {
				tolerance, seen := 1e-6, false
				if want > 1e9 { // a time; they are read every 5 minutes
					tolerance = 5 * 60_000
				}
				for series, got := range found {
					if !strings.Contains(series, part) {
						continue
					}
					seen = true
					if math.Abs(got-want) > tolerance {
						t.Errorf("%s is %g, want %g", series, got, want)
					}
				}
				if !seen {
					t.Errorf("no series with %s: %v", part, found)
				}
			}
		})
	}
}

// The documents' query of the model that gets more people to talk works while replicas differ in a campaign's model, and
// counts attempts for the model that made them.
func TestWhichModelGetsMorePeopleToTalk(t *testing.T) {
	s := openStore(t)
	start, end := fillAgents(t, s, false)
	var asked []string
	for _, d := range readDocuments(t) {
		if d.where == "docs/metrics.md" && !d.inText && strings.HasPrefix(d.query, "sum by (llm_model)") {
			asked = append(asked, d.query)
		}
	}
	if len(asked) != 1 {
		t.Fatalf("%d queries by model in the reference, want 1", len(asked))
	}
	for at, models := range map[time.Time]int{start.Add(89 * time.Minute): 2, start.Add(91 * time.Minute): 3, end: 3} {
		found, err := s.series(asked[0], true, at, at, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != models {
			t.Errorf("at %s: %v, want %d models", at.Sub(start), found, models)
		}
		for model, share := range found {
			if math.Abs(share-1./3) > 1e-6 {
				t.Errorf("at %s: %s has %g", at.Sub(start), model, share)
			}
		}
	}
}
