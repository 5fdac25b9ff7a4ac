package promql

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// most is how many series a query of a dashboard may give, as README.md says. Tables and the list of campaigns have a row
// for each campaign instead; annotations and the table of alerts have one for each alert that fires.
var most = map[string]int{
	"overview": 10, // the campaigns for which alerts fired longest
	"campaign": 13, // buckets of a heat map
	"capacity": 10, // the campaigns with the most attempts
	"exporter": 14, // codes of answers
	"agent":    10, // what is compared, those with the most attempts
}

// hoursOfTheWeek is how many series the table of the hours at which people answer may give.
const hoursOfTheWeek = 7 * 24

// toolsOfAnAgent is how many tools agents use in the demo, and a bit more.
const toolsOfAnAgent = 5

// alertsOfACampaign is how many alerts fire for each campaign.
const alertsOfACampaign = 1

func TestNoQueryGivesTooManySeries(t *testing.T) {
	families := readDemo(t)
	for _, campaigns := range []int{1, 10, 300} {
		t.Run(fmt.Sprint(campaigns), func(t *testing.T) {
			s := openStore(t)
			end := fill(t, s, families, campaigns, "one")
			for _, q := range readQueries(t) {
				found := ask(t, s, q, end)
				bound, what := most[q.dashboard], "series"
				switch {
				case strings.Contains(q.Where, "At which hour"):
					bound, what = hoursOfTheWeek, "hours of the week"
				case strings.HasPrefix(q.Where, "annotation"), strings.HasPrefix(q.Where, "What fires"):
					bound, what = campaigns*alertsOfACampaign, "alerts that fire"
				case strings.HasPrefix(q.Where, "Which tools fail?"):
					bound, what = toolsOfAnAgent, "tools"
				case q.oneForEach():
					bound, what = campaigns, "campaigns"
				}
				if len(found) > bound {
					t.Errorf("%s: %d series, want at most %d %s\n%s", q, len(found), bound, what, q.Expr)
				}
				if q.Where == "variable campaign" && len(found) != campaigns {
					t.Errorf("%s: %d campaigns to choose from, want %d", q, len(found), campaigns)
				}
			}
		})
	}
}

// In the list, two campaigns with the same name have their IDs added; others have only their name.
func TestCampaignsOfOneNameStayApart(t *testing.T) {
	s := openStore(t)
	end := fill(t, s, readDemo(t), 3, "one")
	for _, q := range readQueries(t) {
		if q.Where != "variable campaign" {
			continue
		}
		names := map[string]int{}
		for series := range ask(t, s, q, end) {
			_, name, _ := strings.Cut(series, `campaign_name="`)
			names[strings.TrimSuffix(name, `"}`)]++
		}
		want := map[string]int{"Campaign 0 " + id(0): 1, "Campaign 0 " + id(1): 1, "Campaign 1": 1}
		if !maps.Equal(names, want) {
			t.Errorf("%s: %v, want %v", q, names, want)
		}
	}
}

// A second exporter counts the same calls, and must not count them twice.
func TestReplicasChangeNothing(t *testing.T) {
	families := readDemo(t)
	one, two := openStore(t), openStore(t)
	end := fill(t, one, families, 3, "one")
	fill(t, two, families, 3, "one", "two")
	for _, q := range readQueries(t) {
		if q.dashboard == "exporter" || strings.Contains(q.Where, "Exporters?") {
			continue // these show each exporter
		}
		a, b := ask(t, one, q, end), ask(t, two, q, end)
		if len(a) != len(b) {
			t.Errorf("%s: %d series with one exporter, %d with two\n%s", q, len(a), len(b), q.Expr)
		}
		for name, value := range a {
			if other, found := b[name]; !found || math.Abs(other-value) > 1e-9*math.Abs(value) {
				t.Errorf("%s: %s is %g with one exporter, %g with two\n%s", q, name, value, other, q.Expr)
			}
		}
	}
}

// samples are a minute apart.
const samples = 10

var minutes = scale{rate: 4 * time.Minute, span: samples * time.Minute, step: time.Minute,
	window: func(d time.Duration) time.Duration { return min(d, samples*time.Minute) }}

func ask(t *testing.T, s *store, q query, end time.Time) map[string]float64 {
	t.Helper()
	expr, err := expand(q, minutes)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	found, err := s.series(expr.String(), q.Instant, end.Add(-5*time.Minute), end, time.Minute)
	if err != nil {
		t.Errorf("%s: %v\n%s", q, err, q.Expr)
	}
	return found
}

func id(campaign int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", campaign) }

// readDemo returns a scrape of the demo, by an exporter that also keeps its state and has a campaign file, so that no
// metric is missing.
func readDemo(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	file := filepath.Join(t.TempDir(), "campaigns.yml")
	if err := os.WriteFile(file, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	port, _ := startDemo(t, "--state.path="+t.TempDir(), "--campaign.file="+file)
	response, err := exporters.Get("http://127.0.0.1:" + port + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	textParser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := textParser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// fill writes some minutes of campaigns that are copies of the demo's largest, as each of the exporters shows them, with
// an alert that fires for each. Every two share a name. It returns the time of the last sample.
func fill(t *testing.T, s *store, families map[string]*dto.MetricFamily, campaigns int, instances ...string) time.Time {
	t.Helper()
	template, rows := "", -1.0
	for _, m := range families["revox_campaign_rows"].Metric {
		if m.Gauge.GetValue() > rows {
			template, rows = label(m, "campaign_id"), m.Gauge.GetValue()
		}
	}
	start := time.Unix(1_800_000_000, 0)
	app := s.db.AppenderV2(context.Background())
	add := func(name string, pairs map[string]string, extra map[string]string, i int, value float64) {
		b := labels.NewBuilder(labels.EmptyLabels())
		for k, v := range pairs {
			b.Set(k, v)
		}
		for k, v := range extra {
			b.Set(k, v)
		}
		b.Set("__name__", name)
		at := start.Add(time.Duration(i) * time.Minute).UnixMilli()
		if _, err := app.Append(0, b.Labels(), 0, at, value, nil, nil, storage.AOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range samples {
		now := float64(start.Unix() + int64(i)*60)
		for _, instance := range instances {
			scraped := map[string]string{"job": "revox", "instance": instance}
			add("up", scraped, nil, i, 1)
			for name, family := range families {
				for _, m := range family.Metric {
					pairs := map[string]string{}
					for _, l := range m.Label {
						pairs[l.GetName()] = l.GetValue()
					}
					maps.Copy(pairs, scraped)
					copies := []map[string]string{nil}
					if c, ok := pairs["campaign_id"]; ok {
						if c != template {
							continue
						}
						copies = nil
						for n := range campaigns {
							extra := map[string]string{"campaign_id": id(n)}
							if _, named := pairs["campaign_name"]; named {
								extra["campaign_name"] = fmt.Sprintf("Campaign %d", n/2)
							}
							copies = append(copies, extra)
						}
					}
					for _, extra := range copies {
						switch {
						case m.Counter != nil:
							add(name, pairs, extra, i, m.Counter.GetValue()+float64(i))
						case m.Gauge != nil:
							value := m.Gauge.GetValue()
							if name == "revox_campaign_calls" {
								value += float64(i)
							} else if strings.HasSuffix(name, "_timestamp_seconds") {
								value = now - 10
							}
							add(name, pairs, extra, i, value)
						case m.Histogram != nil:
							add(name+"_count", pairs, extra, i, float64(m.Histogram.GetSampleCount())+float64(i))
							add(name+"_sum", pairs, extra, i, m.Histogram.GetSampleSum()+float64(i))
							for _, b := range m.Histogram.Bucket {
								if b.GetUpperBound() < math.Inf(1) {
									pairs["le"] = fmt.Sprint(b.GetUpperBound())
									add(name+"_bucket", pairs, extra, i, float64(b.GetCumulativeCount())+float64(i))
								}
							}
							pairs["le"] = "+Inf"
							add(name+"_bucket", pairs, extra, i, float64(m.Histogram.GetSampleCount())+float64(i))
							delete(pairs, "le")
						}
					}
				}
			}
		}
		for n := range campaigns {
			add("ALERTS", map[string]string{"alertname": "RevoxThrottled", "alertstate": "firing", "severity": "page",
				"campaign_id": id(n)}, nil, i, 1)
			add("ALERTS_FOR_STATE", map[string]string{"alertname": "RevoxThrottled", "severity": "page",
				"campaign_id": id(n)}, nil, i, float64(start.Unix()))
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	return start.Add((samples - 1) * time.Minute)
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
