package promql

import (
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/promql/parser"
)

// document is a query in a document.
type document struct {
	where, query string
	inText       bool // it is in a sentence or a table, not in a block
}

var (
	promqlBlock = regexp.MustCompile("(?ms)^ *```promql\n(.*?)^ *```$")
	anyBlock    = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	codeSpan    = regexp.MustCompile("`([^`]+)`")
	asked       = regexp.MustCompile(`(?ms)^ask '([^']+)'`) // in runbooks
	// metricName matches names of metrics that documents can ask for, and names that look like them.
	metricName = regexp.MustCompile(`\b(revox_(campaign|api|discovery|exporter|exporters)_\w+|\w+:revox_\w+:\w+|up|ALERTS|` +
		`scrape_duration_seconds|(process|go)_[a-z_]+)\b`)
)

// readDocuments returns the queries in the documents of the repository: in blocks that are marked as PromQL, between empty
// lines; in the commands of runbooks; and in the text, as code that has a metric's name and more. ID stands for a campaign, as runbooks say.
func readDocuments(t *testing.T) (found []document) {
	t.Helper()
	const top = "../.."
	add := func(path, query string, inText bool) {
		query = strings.ReplaceAll(query, `"ID"`, `"`+campaignOf("throttled")+`"`)
		found = append(found, document{strings.TrimPrefix(path, top+"/"), query, inText})
	}
	blocks := 0
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md", entry.Name() == "CHANGELOG.md": // it may name what is gone
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(data)
		for _, block := range promqlBlock.FindAllStringSubmatch(text, -1) {
			blocks++
			for _, query := range regexp.MustCompile(`\n\s*\n`).Split(strings.TrimSpace(block[1]), -1) {
				add(path, query, false)
			}
		}
		for _, match := range asked.FindAllStringSubmatch(text, -1) {
			add(path, match[1], true)
		}
		for _, span := range codeSpan.FindAllStringSubmatch(anyBlock.ReplaceAllString(text, ""), -1) {
			query := strings.ReplaceAll(strings.Join(strings.Fields(span[1]), " "), `\|`, "|")
			if name := metricName.FindString(query); name != "" && name != query && !strings.Contains(query, "...") &&
				strings.ContainsAny(query, "{([<>=") {
				add(path, query, true)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if blocks < 50 || len(found)-blocks < 70 {
		t.Errorf("only %d queries found in documents, in %d blocks", len(found), blocks)
	}
	return found
}

// Each query of a document parses, uses names that exist, and gives no data rather than NaN.
func TestQueriesOfDocuments(t *testing.T) {
	metrics := readMetrics(t)
	for _, d := range readDocuments(t) {
		expr, err := promQL.ParseExpr(d.query)
		if err != nil {
			t.Errorf("%s: %v\n%s", d.where, err, d.query)
			continue
		}
		_, problems := checkLabels(expr, metrics)
		for _, problem := range slices.Concat(problems, checkDivisions(expr)) {
			t.Errorf("%s: %s\n%s", d.where, problem, d.query)
		}
	}
}

// Prometheus accepts the configurations in documents and examples. Where native histograms are scraped, classic ones are
// kept.
func TestConfigurationsOfDocuments(t *testing.T) {
	for path, want := range map[string]func(*config.ScrapeConfig) bool{
		"README.md": func(job *config.ScrapeConfig) bool { return job.JobName == "revox" },
		"docs/numbers.md": func(job *config.ScrapeConfig) bool {
			return *job.ScrapeNativeHistograms && *job.AlwaysScrapeClassicHistograms
		},
		"alerts/prometheus.example.yml": func(job *config.ScrapeConfig) bool {
			return *job.ScrapeNativeHistograms && *job.AlwaysScrapeClassicHistograms
		},
		"examples/compose/prometheus.yml": func(job *config.ScrapeConfig) bool { return *job.AlwaysScrapeClassicHistograms },
	} {
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		// What an example says to uncomment.
		yaml := regexp.MustCompile("# (scrape_native|always_scrape_classic)").ReplaceAllString(string(text), "$1")
		if filepath.Ext(path) == ".md" {
			block := regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```$").FindSubmatch(text)
			if block == nil {
				t.Errorf("%s has no configuration", path)
				continue
			}
			yaml = string(block[1])
		}
		if !strings.Contains(yaml, "scrape_configs:") { // settings of a job
			yaml = "scrape_configs:\n  - job_name: revox\n" + yaml
		}
		cfg, err := config.Load(yaml, quiet)
		if err != nil {
			t.Errorf("%s: %v\n%s", path, err, yaml)
		} else if !want(cfg.ScrapeConfigs[0]) {
			t.Errorf("%s: not the settings that are wanted:\n%s", path, yaml)
		}
	}
}

// rightlyEmpty has the queries that find nothing in the fleet, and why. What they compare has data.
var rightlyEmpty = map[string]string{
	// In the reference.
	`max by (campaign_id) (revox_campaign_rows_missing) > 0`:                                         "each row is on a page",
	`time() - min by (campaign_id) (revox_campaign_oldest_active_attempt_timestamp_seconds) > 86400`: "no attempt hangs",
	`max by (campaign_id) (increase(revox_campaign_unannounced_changes_total[1d])) > 0`:              "the API's totals are right",
	`min by (campaign_id) (revox_campaign_scan_lag_seconds) > 60`:                                    "scans are on time",
	`revox_exporter_campaigns_over_limit > 0`:                                                        "there are few campaigns",
	`revox_exporter_campaign_file_last_reload_successful == 0`:                                       "the file is good",
	`increase(revox_exporter_log_lines_dropped_total[1h]) > 0`:                                       "the log is read",
	`revox_exporter_state_up == 0`:                                                                   "the disk is good",
	`increase(revox_exporter_state_writes_failed_total[1h]) > 0`:                                     "the disk is good",
	// In runbooks, whose ID is that of a campaign that is read.
	`campaign_result:revox_campaign_call_attempt_results:zscore90m{result="human"} < -2`: "as many answer as before",
	`up{job="revox"} == 0`: "both exporters run",
	`sum by (reason) (max by (campaign_id, reason) (increase(revox_campaign_scan_failures_total{campaign_id="` +
		campaignOf("throttled") + `"}[30m]))) > 0`: "the campaign is read",
}

// withoutData has the queries whose series the fleet does not have, and why.
var withoutData = map[string]string{
	`class:revox_campaign_failures_without_worst:ratio10m{class="cannot_leave"}`:                                                        few,
	`class:revox_campaign_failures_without_worst:ratio10m{class="ended_by_system"}`:                                                     few,
	`class:revox_campaign_failures_without_worst:ratio10m{class="errored"}`:                                                             few,
	`class:revox_campaign_failures_without_worst:ratio10m{class="talks_short"}`:                                                         few,
	`max by (campaign_id) (last_over_time(revox_campaign_status{status="running"}[6h])) == 1 unless on (campaign_id) revox_campaign_up`: "no campaign vanishes",
	`campaign_class:revox_campaign_failures:ratio1h{campaign_id="` + campaignOf("throttled") + `", class="cannot_leave"}`:               "it has no such failure",
	`campaign_window:revox_campaign_call_attempts_finished:increase_expected{campaign_id="` + campaignOf("throttled") + `"}`:            "there is no earlier day",
	`max by (campaign_id) (campaign:revox_campaign_call_attempts_finished:stopped_at_hour) >= 0`:                                        "no campaign stops",
	`campaign:revox_campaign_call_attempts_finished:stalled`:                                                                            "no campaign stops",
	`instance:revox_campaign_up:unseen`:                                                                                          "no exporter is down",
	`tool_name_window:revox_campaign_tool_errors_without_worst:ratio >= 0`:                                                       "no tool fails",
	`tool_name_window:revox_campaign_tool_errors_without_worst:ratio_expected >= 0`:                                              "no tool fails",
	`campaign_tool_name_window:revox_campaign_tool_errors:ratio{window="30m"} > 0.3`:                                             "no tool fails",
	`window:revox_campaign_call_attempts_finished:increase >= 0`:                                                                 "there is no earlier day",
	`window:revox_campaign_call_attempts_finished:increase_expected_without_most >= 0`:                                           "there is no earlier day",
	`campaign:revox_campaign_call_attempts_finished:slow`:                                                                        "there is no earlier day",
	`campaign:revox_campaign_call_attempts_finished:increase1h_earlier_days{campaign_id="` + campaignOf("throttled") + `"}`:      "there is no earlier day",
	`campaign:revox_campaign_calls_waiting:not_started >= 0`:                                                                     "there is no earlier day",
	`ALERTS{alertname="Watchdog"}`:                                                                                               "the rules of the watchdog are not loaded",
	`campaign_class:revox_campaign_failures:ratio_hours{campaign_id="` + campaignOf("throttled") + `", class="throttled"}`:       "nothing lasts for hours",
	`campaign_class:revox_campaign_failures:ratio_hours{campaign_id="` + campaignOf("throttled") + `", class="cannot_leave"}`:    "nothing lasts for hours",
	`campaign_class:revox_campaign_failures:ratio_hours{campaign_id="` + campaignOf("throttled") + `", class="ended_by_system"}`: "nothing lasts for hours",
	`campaign_class:revox_campaign_failures:ratio_hours{campaign_id="` + campaignOf("throttled") + `", class="talks_short"}`:     "nothing lasts for hours",
	`campaign_class:revox_campaign_failures:ratio_hours{campaign_id="` + campaignOf("throttled") + `", class="errored"}`:         "nothing lasts for hours",
	`campaign:revox_campaign_call_first_attempts_human:ratio90m_earlier_days{campaign_id="` + campaignOf("throttled") + `"}`:     "there is no earlier day",
	`revox:revox_campaign_call_first_attempts_human:ratio90m_earlier_days >= 0`:                                                  "there is no earlier day",
	`topk(10, campaign:revox_campaign_call_first_attempts_human:missing30m)`:                                                     "there is no earlier day",
	`class_kind_provider:revox_campaign_agent_failures_without_worst:ratio10m > 0.1`:                                             few,
	`count by (campaign_id) (count without (instance, job) (last_over_time(revox_campaign_assistant_info[6h]))) > 1`:             "no agent changes",
	`campaign:revox_campaign_human_talks_silent:ratio10m > 0.1`:                                                                  "all agents speak",
	`campaign_tool_name_window:revox_campaign_tool_errors:ratio{window="30m"} > 0.1`:                                             "no tool fails in half an hour",
}

const few = "one campaign makes all attempts of these minutes"

// Each query of a document gives the same with one replica and with two, whichever kind of histograms Prometheus stores.
func TestQueriesOfDocumentsGiveTheSame(t *testing.T) {
	f, unused := newFleet(t), maps.Clone(rightlyEmpty)
	for _, d := range readDocuments(t) {
		delete(unused, d.query)
		expr, err := promQL.ParseExpr(d.query)
		if err != nil {
			continue // reported by TestQueriesOfDocuments
		}
		t.Run(d.where, func(t *testing.T) { f.check(t, d, expr) })
	}
	for query := range withoutData {
		if !slices.ContainsFunc(readDocuments(t), func(d document) bool { return d.query == query }) {
			t.Errorf("no document has the query\n%s", query)
		}
	}
	for query := range unused {
		t.Errorf("no document has the query\n%s", query)
	}
}

// check runs a query in each setting and compares the results.
func (f *fleet) check(t *testing.T, d document, expr parser.Expr) {
	results := map[setting]map[string]float64{}
	why, empty := rightlyEmpty[d.query]
	for to, s := range f.stores {
		found, err := s.series(expr.String(), true, f.end, f.end, time.Second)
		if err != nil {
			t.Fatalf("%v: %v\n%s", to, err, d.query)
		}
		results[to] = found
		if why, ok := withoutData[d.query]; ok {
			if len(found) > 0 {
				t.Errorf("%v: the result is not empty (%s): %v\n%s", to, why, found, d.query)
			}
			continue
		}
		compared := found
		if empty {
			if compared, err = s.series(unfiltered(expr).String(), true, f.end, f.end, time.Second); err != nil {
				t.Fatalf("%v: %v\n%s", to, err, d.query)
			}
		}
		switch {
		case len(compared) == 0:
			t.Errorf("%v: no result\n%s", to, d.query)
		case len(found) > 0 && empty:
			t.Errorf("%v: the result is not empty (%s): %v\n%s", to, why, found, d.query)
		}
	}
	if t.Failed() {
		return
	}
	classic := results[setting{1, "classic"}]
	bounds := f.bounds(t, expr)
	compare(t, d, "classic and both histograms", classic, results[setting{1, "both"}], bounds)
	compare(t, d, "classic and native histograms", classic, results[setting{1, "native"}], bounds)
	if !aboutCampaigns(expr) || d.inText && isSelector(expr) {
		return // it shows each exporter, or adds up what each did
	}
	for kind := range histograms {
		two := results[setting{2, kind}]
		maps.DeleteFunc(two, func(series string, _ float64) bool {
			return byInstance.MatchString(d.query) && strings.Contains(series, `instance="b:10210"`)
		})
		compare(t, d, "one replica and two, "+kind, results[setting{1, kind}], two, nil)
	}
}

var byInstance = regexp.MustCompile(`by \([^)]*\binstance\b`)

// compare fails the test if two results of a query differ: by more than the width of a bucket if it has bounds.
func compare(t *testing.T, d document, what string, a, b map[string]float64, bounds []float64) {
	t.Helper()
	if x, y := slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)); !slices.Equal(x, y) {
		t.Errorf("%s: %v and %v\n%s", what, x, y, d.query)
		return
	}
	for series, x := range a {
		y := b[series]
		if math.Abs(x-y) > 1e-6+max(width(bounds, x), width(bounds, y)) {
			t.Errorf("%s: %s is %g and %g\n%s", what, series, x, y, d.query)
		}
	}
}

// shares are bounds for shares of a histogram's observations: those in one bucket may count or not.
var shares = []float64{0.2, 0.4, 0.6, 0.8, 1}

// width returns the width of the bucket that a value is in.
func width(bounds []float64, v float64) float64 {
	i, _ := slices.BinarySearch(bounds, v)
	switch {
	case len(bounds) == 0:
		return 0
	case i == 0:
		return bounds[0]
	case i == len(bounds):
		return math.Inf(1)
	}
	return bounds[i] - bounds[i-1]
}

// bounds returns the classic buckets of the histogram that a quantile in a query is of; nil if there is none.
func (f *fleet) bounds(t *testing.T, expr parser.Expr) (bounds []float64) {
	t.Helper()
	name := regexp.MustCompile(`histogram_quantile\(.*?(\w+_bucket)`).FindStringSubmatch(expr.String())
	if name == nil {
		if strings.Contains(expr.String(), "histogram_fraction(") {
			return shares
		}
		return nil
	}
	s := f.stores[setting{1, "classic"}]
	found, err := s.series("count by (le) ("+name[1]+")", true, f.end, f.end, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for series := range found {
		bound, err := strconv.ParseFloat(strings.Split(series, `"`)[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	return bounds
}

// aboutCampaigns reports whether a query reads something that all replicas that read a campaign have.
func aboutCampaigns(expr parser.Expr) bool {
	return regexp.MustCompile(`\brevox_campaign_|:revox_|\bALERTS\b`).MatchString(expr.String())
}

// isSelector reports whether a query is a selector, perhaps compared with a number.
func isSelector(expr parser.Expr) bool {
	_, selector := unfiltered(expr).(*parser.VectorSelector)
	return selector
}

// unfiltered returns what a query would show if its last comparisons with a number did not filter.
func unfiltered(expr parser.Expr) parser.Expr {
	if n, ok := expr.(*parser.BinaryExpr); ok {
		if _, number := n.RHS.(*parser.NumberLiteral); number && n.Op.IsComparisonOperator() && n.Op != parser.GTE {
			return n.LHS
		}
	}
	return expr
}
