package collector_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	dto "github.com/prometheus/client_model/go"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestCountersDoNotFallWhenDataIsReclassified(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)),
		callRow("r2", "completed", endedAttempt("human", 50)),
	})
	h := newHarness(t, api, clock, only("c"))
	api.SetRows("c", "", []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)),
		callRow("r2", "completed", endedAttempt("voicemail", 50)),
	})
	h.Advance(time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_call_attempt_results_total{campaign_id="c",result="human"} 2`,
		`revox_campaign_call_attempt_results_total{campaign_id="c",result="voicemail"} 1`,
		`revox_campaign_call_attempt_talk_duration_seconds_count{campaign_id="c",result="human"} 2`,
		`revox_campaign_call_attempt_talk_duration_seconds_count{campaign_id="c",result="voicemail"} 1`,
		`revox_campaign_call_attempt_talk_duration_seconds_sum{campaign_id="c",result="human"} 90`,
		`revox_campaign_call_attempt_talk_duration_seconds_sum{campaign_id="c",result="voicemail"} 50`,
		`revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 2`,
		`revox_campaign_decreases_total{campaign_id="c"} 3`, // two counters and a histogram
		`revox_campaign_call_first_attempt_results_total{campaign_id="c",result="human"} 2`,
		`revox_campaign_call_first_attempt_results_total{campaign_id="c",result="voicemail"} 1`,
	)
	// A value that comes back to its highest is not counted again. A histogram counts by bucket.
	api.SetRows("c", "", []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)),
		callRow("r2", "completed", endedAttempt("voicemail", 50)),
		callRow("r3", "completed", endedAttempt("human", 60)),
	})
	h.Advance(time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_call_attempt_results_total{campaign_id="c",result="human"} 2`,
		`revox_campaign_call_attempt_results_total{campaign_id="c",result="voicemail"} 1`,
		`revox_campaign_call_attempt_talk_duration_seconds_sum{campaign_id="c",result="human"} 150`,
		`revox_campaign_decreases_total{campaign_id="c"} 3`)

	// A value that stays below its highest for a day counts on from the highest of that day.
	api.SetRows("c", "", []json.RawMessage{
		callRow("r1", "completed", endedAttempt("voicemail", 40)),
		callRow("r2", "completed", endedAttempt("voicemail", 50)),
		callRow("r3", "completed", endedAttempt("human", 60)),
	})
	h.Clock.Advance(time.Minute)
	h.Settle()
	h.Clock.Advance(24 * time.Hour)
	h.Settle()
	api.SetRows("c", "", []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)),
		callRow("r2", "completed", endedAttempt("voicemail", 50)),
		callRow("r3", "completed", endedAttempt("human", 60)),
	})
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_call_attempt_results_total{campaign_id="c",result="human"} 3`)

	// Another process shows the counts of the last scan.
	h2 := newHarness(t, api, revoxtest.NewClock(clock.Now()), only("c"))
	h2.Want(h2.Scrape(),
		`revox_campaign_call_attempt_results_total{campaign_id="c",result="human"} 2`,
		`revox_campaign_decreases_total{campaign_id="c"} 0`)
}

// When rows disappear for a moment and come back, it must not look as if all of them had been called again.
func TestSuddenLossOfRowsMustBeConfirmed(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	var rows []json.RawMessage
	for i := range 100 {
		rows = append(rows, callRow(fmt.Sprint("r", i), "completed", endedAttempt("human", 40)))
	}
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, only("c"))
	api.SetRows("c", "", nil)
	h.Advance(2 * time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_up{campaign_id="c"} 0`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="incomplete"} 2`,
		`revox_campaign_rows{campaign_id="c"} 100`)
	api.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_up{campaign_id="c"} 1`,
		`revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 100`,
		`revox_campaign_call_attempt_duration_seconds_count{campaign_id="c"} 100`)

	api.SetRows("c", "", rows[:1])
	h.Advance(3 * time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_up{campaign_id="c"} 1`,
		`revox_campaign_rows{campaign_id="c"} 1`,
		`revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 100`)
}

// Rows that were missing for a while are not counted again when they reappear.
func TestMissingRowsDoNotCountTwice(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	rows := []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)), callRow("r2", "completed", endedAttempt("human", 40)),
		callRow("r3", "completed", endedAttempt("human", 40)),
	}
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, only("c"))
	api.SetRows("c", "", rows[:2])
	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(3)})
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows_missing{campaign_id="c"} 1`, `revox_campaign_rows{campaign_id="c"} 2`)
	remove()
	api.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_rows_missing{campaign_id="c"} 0`,
		`revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 3`,
		`revox_campaign_call_attempt_duration_seconds_count{campaign_id="c"} 3`,
		`revox_campaign_call_attempt_duration_seconds_sum{campaign_id="c"} 135`)
}

func TestGaugesFollowDataThatShrinks(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)), callRow("r2", "errored", endedAttempt("unknown", 2)),
	})
	h := newHarness(t, api, clock, only("c"))
	api.SetRows("c", "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	h.Advance(time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_rows{campaign_id="c"} 1`,
		`revox_campaign_calls{campaign_id="c",status="errored"} 0`,
		`revox_campaign_calls_finished_total{campaign_id="c",status="errored"} 1`,
		`revox_campaign_call_attempt_duration_seconds_count{campaign_id="c"} 2`,
		`revox_campaign_call_attempt_duration_seconds_sum{campaign_id="c"} 52`)
}

// Whatever rows are added, removed and changed between scans, no counter and no bucket of a histogram ever falls, and
// classic and native histograms agree.
func TestNoCounterEverFalls(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	results := []string{"human", "voicemail", "IVR", "unknown", "ios-screening-filter", "news"}
	statuses := []string{"completed", "errored", "calling", "cancelled"}
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	randomRows := func() []json.RawMessage {
		var rows []json.RawMessage
		for i := range random.IntN(12) {
			var attempts []string
			for range random.IntN(4) {
				attempts = append(attempts, endedAttempt(results[random.IntN(len(results))], random.IntN(200)))
			}
			rows = append(rows, callRow(fmt.Sprint("r", i), statuses[random.IntN(len(statuses))], attempts...))
		}
		return rows
	}
	api.SetRows("c", "", randomRows())
	h := newHarness(t, api, clock, only("c"))
	before := h.families()
	for range 60 {
		api.SetRows("c", "", randomRows())
		h.Advance(time.Minute)
		after := h.families()
		for series, was := range before {
			now, ok := after[series]
			if !ok {
				t.Errorf("%s has disappeared", series)
			}
			if now < was {
				t.Errorf("%s fell from %v to %v", series, was, now)
			}
		}
		before = after
	}
}

// families returns the values of counters, and of the buckets, sums and counts of histograms, by series.
func (h *harness) families() map[string]float64 {
	h.TB.Helper()
	values := map[string]float64{}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	text, err := parser.TextToMetricFamilies(strings.NewReader(h.Scrape()))
	if err != nil {
		h.TB.Fatal(err)
	}
	gathered, err := h.Registry.Gather()
	if err != nil {
		h.TB.Fatal(err)
	}
	for _, family := range gathered {
		for i, m := range family.Metric {
			name := fmt.Sprint(family.GetName(), m.Label)
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				values[name] = m.Counter.GetValue()
			case dto.MetricType_HISTOGRAM:
				values[name+" count"] = float64(m.Histogram.GetSampleCount())
				values[name+" sum"] = m.Histogram.GetSampleSum()
				for bound, n := range nativeBuckets(m.Histogram) {
					values[fmt.Sprintf("%s native bucket %d", name, bound)] = float64(n)
				}
				checkHistogram(h.TB, name, m.Histogram)
				for _, b := range text[family.GetName()].Metric[i].Histogram.Bucket {
					values[fmt.Sprintf("%s le %v", name, b.GetUpperBound())] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return values
}

// nativeBuckets returns the counts of native buckets by index.
func nativeBuckets(h *dto.Histogram) map[int]uint64 {
	buckets := map[int]uint64{}
	index, i, count := 0, 0, int64(0)
	for _, span := range h.PositiveSpan {
		index += int(span.GetOffset())
		for range span.GetLength() {
			count += h.PositiveDelta[i]
			buckets[index] = uint64(count)
			index++
			i++
		}
	}
	return buckets
}

// checkHistogram fails the test unless the classic and native buckets of a histogram agree with its count.
func checkHistogram(t testing.TB, name string, h *dto.Histogram) {
	t.Helper()
	native := h.GetZeroCount()
	for _, n := range nativeBuckets(h) {
		native += n
	}
	if native != h.GetSampleCount() {
		t.Errorf("%s: native buckets count %d observations, want %d", name, native, h.GetSampleCount())
	}
	last := uint64(0)
	for _, b := range h.Bucket {
		if b.GetCumulativeCount() < last {
			t.Errorf("%s: bucket %v has a lower count than the one before", name, b.GetUpperBound())
		}
		last = b.GetCumulativeCount()
	}
	if last > h.GetSampleCount() {
		t.Errorf("%s: the last bucket counts %d observations, want %d or less", name, last, h.GetSampleCount())
	}
}
