package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

var (
	costCampaigns = flag.Int("cost.campaigns", 1000, "campaigns of BenchmarkRules")
	costCalling   = flag.Int("cost.calling", 100, "percentage of the campaigns of BenchmarkRules that call; the others have ended a week ago")
	costRules     = flag.Int("cost.rules", 15, "how many of the most expensive rules BenchmarkRules prints")
	costFile      = flag.String("cost.file", "../revox.rules.yml", "the rules that BenchmarkRules evaluates")
)

// BenchmarkRules evaluates the rules on 1,000 campaigns in the middle of a working day, each with every series that the
// exporter has of it and with eight days of recorded series:
//
//	go test -run - -bench Rules -benchtime 3x .
//
// It reports the CPU time that each group takes in a minute, and that of the most expensive rules. Fewer campaigns take less
// time: -cost.campaigns. -cost.calling has campaigns that have ended, -cost.file another file of rules to compare with.
func BenchmarkRules(b *testing.B) {
	ctx := context.Background()
	now := time.Date(2026, 6, 12, 12, 0, 0, 0, time.UTC)
	recorded := recordedSeries(ctx, b, now)
	db, err := startServer(ctx, b.TempDir(), *costFile, 2*time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	defer db.close()
	db.db.DisableCompactions()
	fillDatabase(ctx, b, db, now, recorded, *costCampaigns)
	if err := db.db.Compact(ctx); err != nil { // as in an old Prometheus, earlier days are in blocks
		b.Fatal(err)
	}
	at := settle(ctx, db, now) // it reads much for the first time
	groupOf := map[rules.Rule]string{}
	for _, group := range db.groups {
		for _, rule := range group.Rules() {
			groupOf[rule] = group.Name()
		}
	}
	cpu, byRule := map[*rules.Group]time.Duration{}, map[rules.Rule]time.Duration{}
	query := rules.EngineQueryFunc(db.engine, db.db)
	evaluations := 0
	for b.Loop() {
		evaluations++
		at = at.Add(time.Second)
		for _, group := range db.groups {
			before := processTime()
			group.Eval(ctx, at)
			cpu[group] += processTime() - before
			for _, rule := range group.Rules() {
				if err := rule.LastError(); err != nil {
					b.Fatalf("%s: %v", rule.Name(), err)
				}
				if alert, ok := rule.(*rules.AlertingRule); ok && len(alert.ActiveAlerts()) > *costCampaigns/10 {
					b.Logf("%s: %d alerts", rule.Name(), len(alert.ActiveAlerts()))
				}
				before := processTime()
				if _, err := rule.Eval(ctx, 0, at, query, nil, 0); err != nil {
					b.Fatal(err)
				}
				byRule[rule] += processTime() - before
			}
		}
	}
	total := 0.0
	for _, group := range db.groups {
		seconds := cpu[group].Seconds() / float64(evaluations)
		aMinute := seconds / group.Interval().Minutes()
		total += aMinute
		fmt.Printf("%-40s %6.3f s an evaluation, %6.3f s a minute\n", group.Name(), seconds, aMinute)
	}
	var list []rules.Rule
	for rule := range byRule {
		list = append(list, rule)
	}
	slices.SortFunc(list, func(x, y rules.Rule) int { return cmp.Compare(byRule[y], byRule[x]) })
	for _, rule := range list[:min(*costRules, len(list))] {
		fmt.Printf("%8.4f s %-20s %s %s\n", byRule[rule].Seconds()/float64(evaluations), groupOf[rule], rule.Name(), rule.Labels().Get("window"))
	}
	b.ReportMetric(total, "cpu-s/min")
	b.ReportMetric(float64(db.db.Head().NumSeries()), "series")
}

// failures matches the counters that must grow slowly.
var failures = regexp.MustCompile(`too_many|permission|precondition|non_|="system"|errored|cancelled|le="|failures|unknown_|"error"|tool_errors`)

// templateSeries returns the labels of each series that the rules read for one campaign.
func templateSeries(t testing.TB) map[string]labels.Labels {
	t.Helper()
	text, err := os.ReadFile("../../collector/testdata/hand_counted.prom")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("hand-counted"), []byte("0"))
	ruleText, err := os.ReadFile(*costFile)
	if err != nil {
		t.Fatal(err)
	}
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.Now()}, slices.Collect(maps.Values(families))...)
	if err != nil {
		t.Fatal(err)
	}
	template := map[string]labels.Labels{}
	for _, s := range samples {
		name := string(s.Metric[model.MetricNameLabel])
		if !strings.Contains(string(ruleText), name) {
			continue
		}
		pairs := map[string]string{"job": "revox", "instance": "exporter-a:10210", "campaign_id": "0"}
		for k, v := range s.Metric {
			pairs[string(k)] = string(v)
		}
		l := labels.FromMap(pairs)
		template[l.String()] = l
	}
	add := func(pairs ...string) {
		l := labels.FromStrings(append(pairs, "job", "revox", "instance", "exporter-a:10210")...)
		template[l.String()] = l
	}
	add(model.MetricNameLabel, "up")
	for _, status := range []string{"draft", "running", "paused", "completed", "cancelled"} {
		add(model.MetricNameLabel, "revox_campaign_status", "campaign_id", "0", "status", status)
	}
	for _, name := range []string{"revox_campaign_up", "revox_campaign_last_scan_success_timestamp_seconds", "revox_campaign_scan_lag_seconds"} {
		add(model.MetricNameLabel, name, "campaign_id", "0")
	}
	return template
}

// variants are the campaigns that differ in what is recorded of them, because failures are recorded only where there are some.
const variants = 20

// settle evaluates the rules until what is recorded from recorded series is all there, a second apart. It returns the last time.
func settle(ctx context.Context, db *server, now time.Time) time.Time {
	for range 4 {
		now = now.Add(time.Second)
		for _, group := range db.groups {
			group.Eval(ctx, now)
		}
	}
	return now
}

// recordedSeries returns the labels of the series that the rules record for each of the variants, found by evaluating them.
func recordedSeries(ctx context.Context, t testing.TB, now time.Time) (found []map[string]labels.Labels) {
	found = make([]map[string]labels.Labels, variants)
	for range 3 { // what is recorded from what was recorded on earlier days is found in the second round
		db, err := startServer(ctx, t.TempDir(), *costFile, 2*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		fillDatabase(ctx, t, db, now, found, variants)
		at := settle(ctx, db, now)
		for i := range found {
			found[i] = map[string]labels.Labels{}
		}
		query := rules.EngineQueryFunc(db.engine, db.db)
		for _, group := range db.groups {
			for _, rule := range group.Rules() {
				if _, ok := rule.(*rules.RecordingRule); !ok {
					continue
				}
				vector, err := rule.Eval(ctx, 0, at, query, nil, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, sample := range vector {
					i := 0
					if id := sample.Metric.Get("campaign_id"); id != "" {
						if i, err = strconv.Atoi(id[len(id)-12:]); err != nil {
							t.Fatal(err)
						}
					}
					found[i][sample.Metric.String()] = sample.Metric
				}
			}
		}
		if err := db.close(); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// fillDatabase stores the series of campaigns: scrapes of the last two hours and of around the times that the rules
// look back to, and what is recorded at all these times.
func fillDatabase(ctx context.Context, t testing.TB, db *server, now time.Time, recorded []map[string]labels.Labels, campaigns int) {
	t.Helper()
	type series struct {
		labels labels.Labels
		ref    storage.SeriesRef
		pace   float64 // a minute
		ended  bool    // its campaign
	}
	var scraped, derived []*series
	for i := range campaigns {
		add := func(list *[]*series, l labels.Labels) {
			switch {
			case l.Get("campaign_id") != "":
				l = labels.NewBuilder(l).Set("campaign_id", fmt.Sprintf("3f0c9a52-7d41-4c8e-9b7a-%012d", i)).Labels()
			case i > 0:
				return // it is of no campaign
			}
			h := fnv.New32a()
			h.Write([]byte(l.String()))
			pace := 0.02 + float64(h.Sum32()%100)/500
			if failures.MatchString(l.String()) {
				pace /= 30 // no alert should fire: its texts cost more than its rule
			}
			*list = append(*list, &series{labels: l, pace: pace, ended: i%variants >= *costCalling*variants/100})
		}
		for _, l := range templateSeries(t) {
			add(&scraped, l)
		}
		for _, l := range recorded[i%variants] {
			add(&derived, l)
		}
	}
	var sums []rules.Rule // evaluated, so that they are the sums of what is scraped
	for _, group := range db.groups {
		for _, rule := range group.Rules() {
			if strings.HasPrefix(rule.Name(), "instance_campaign_class:") {
				sums = append(sums, rule)
			}
		}
	}
	query := rules.EngineQueryFunc(db.engine, db.db)
	for _, at := range lookedAt(t, now) {
		app := db.db.AppenderV2(ctx)
		store := func(s *series, v float64) {
			var err error
			if s.ref, err = app.Append(s.ref, s.labels, 0, at.UnixMilli(), v, nil, nil, storage.AOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range scraped {
			name, value := s.labels.Get(model.MetricNameLabel), 1.0
			called := at.Sub(now.AddDate(0, 0, -9))
			status := "running"
			if s.ended {
				called, status = min(called, 24*time.Hour), "completed"
			}
			switch {
			case strings.HasSuffix(name, "_timestamp_seconds"):
				value = float64(at.Unix())
			case strings.HasSuffix(name, "_total"), strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_bucket"):
				value = float64(int(s.pace * called.Minutes()))
			case name == "revox_campaign_status" && s.labels.Get("status") != status, name == "revox_campaign_calls" && s.ended, strings.Contains(name, "missing"):
				value = 0
			case name == "revox_campaign_calls":
				value = 1000
			}
			store(s, value)
		}
		for _, s := range derived {
			name, v := s.labels.Get(model.MetricNameLabel), 20*s.pace
			if s.ended {
				v = 0
			}
			switch {
			case strings.HasPrefix(name, "instance_campaign_class:"):
				continue // they are evaluated below
			case strings.HasSuffix(name, ":ended"):
				v = 1
			case at.Equal(now):
				v = math.Float64frombits(value.StaleNaN) // the rules store what is there now
			case strings.HasSuffix(name, ":named"), strings.HasSuffix(name, ":bool"), strings.HasSuffix(name, ":min"):
				v = 1
			}
			store(s, v)
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
		app = db.db.AppenderV2(ctx)
		for _, rule := range sums {
			vector, err := rule.Eval(ctx, 0, at, query, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, sample := range vector {
				if _, err := app.Append(0, sample.Metric, 0, at.UnixMilli(), sample.F, nil, nil, storage.AOptions{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// lookedAt returns the times of the samples that the rules can read, in their order.
func lookedAt(t testing.TB, now time.Time) (times []time.Time) {
	t.Helper()
	text, err := os.ReadFile(*costFile)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[time.Duration]bool{}
	for d := time.Duration(0); d <= 135*time.Minute; d += time.Minute {
		wanted[d] = true
	}
	for _, m := range regexp.MustCompile(`offset (\d+[mhd])`).FindAllStringSubmatch(string(text), -1) {
		d, err := model.ParseDuration(m[1])
		if err != nil {
			t.Fatal(err)
		}
		for i := time.Duration(0); i < 3; i++ {
			wanted[time.Duration(d)+i*time.Minute] = true
		}
	}
	for d := range wanted {
		times = append(times, now.Add(-d))
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
