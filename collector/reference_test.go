package collector_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	dto "github.com/prometheus/client_model/go"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/exposition"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// docs/metrics.md is generated from the metrics of an exporter that shows every metric, with an example of each:
// go test ./collector -run Reference -update writes it.
func TestReference(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithNewerFields())
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Rows: 60, Start: start.Add(-48 * time.Hour)})
	api.SetRows("active", "", []json.RawMessage{activeRow("r", "calling", "ongoing", `"2024-05-01T08:59:00Z"`)})
	campaigns := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, campaigns, `[{"match": ".*", "labels": {"team": "sales", "tier": "1"}}]`)
	state, _ := openTestState(t, t.TempDir(), api.URL, clock)
	all := func(c *collector.Config) { discover(nil)(c); c.CampaignFile = campaigns }
	h := newHarness(t, api, clock, with(state, all))
	sink := logging.NewSink(io.Discard)
	defer sink.Close()
	h.Registry.MustRegister(versioncollector.NewCollector("revox_exporter"), sink.Dropped())
	gathered, err := h.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range gathered {
		families[f.GetName()] = f
	}

	for _, f := range exposition.Families() {
		if families[f.Name] == nil {
			t.Errorf("%s is declared, but the exporter of this test does not show it", f.Name)
		}
	}

	var b strings.Builder
	b.WriteString(referenceIntroduction)
	for _, group := range references {
		fmt.Fprintf(&b, "\n**[%s](#%s)**\n\n", group.title, anchor(group.title))
		for _, r := range group.metrics {
			fmt.Fprintf(&b, "- [`%s`](#%[1]s)\n", r.name)
		}
	}
	fmt.Fprintf(&b, "\n**[%s](#%s)**\n\n", labelValues, anchor(labelValues))
	for _, set := range valueSets {
		fmt.Fprintf(&b, "- [%s](#%s)\n", set.title, anchor(set.title))
	}
	written := map[string]bool{}
	explained := make([]map[string]bool, len(valueSets))
	for _, group := range references {
		fmt.Fprintf(&b, "\n## %s\n", group.title)
		for _, r := range group.metrics {
			f := families[r.name]
			if f == nil {
				t.Errorf("%s has an example, but the exporter does not show it", r.name)
				continue
			}
			written[r.name] = true
			writeReference(t, &b, r, f, explained)
			checkValues(t, r, families)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !written[name] {
			t.Errorf("%s has no unit and example in references", name)
		}
	}

	fmt.Fprintf(&b, "\n## %s\n\n%s", labelValues, valuesIntroduction)
	for i, set := range valueSets {
		fmt.Fprintf(&b, "\n### %s\n", set.title)
		if set.about != "" {
			fmt.Fprintf(&b, "\n%s\n", set.about)
		}
		fmt.Fprintf(&b, "\n| `%s` | meaning | %s |\n|---|---|---|\n", set.label, set.third)
		for _, v := range set.values {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.value, v.meaning, v.third)
			if !explained[i][v.value] {
				t.Errorf("%s: %s is explained, but no metric shows it", set.title, v.value)
			}
			delete(explained[i], v.value)
		}
		for value := range explained[i] {
			t.Errorf("%s: %s is not explained in valueSets", set.title, value)
		}
	}

	const path = "../docs/metrics.md"
	if *update && !t.Failed() {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reference, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(reference) != b.String() {
		t.Errorf("%s is out of date; go test ./collector -run Reference -update writes it\n%s",
			path, diff(string(reference), b.String()))
	}
}

// anchor returns the anchor that a heading of plain words has.
func anchor(heading string) string { return strings.ToLower(strings.ReplaceAll(heading, " ", "-")) }

// valuesOf returns the index of the set that explains a label's values in a metric, or -1.
func valuesOf(metric, label string) int {
	return slices.IndexFunc(valueSets, func(set valueSet) bool {
		return set.label == label && regexp.MustCompile(`^revox_\w*(?:`+set.metrics+`)$`).MatchString(metric)
	})
}

// writeReference writes a metric's section. It adds the values of each label to those that must be explained.
func writeReference(t *testing.T, b *strings.Builder, r reference, f *dto.MetricFamily, explained []map[string]bool) {
	kind := strings.ToLower(f.GetType().String())
	unit := r.unit
	if unit != "" {
		unit = ", in " + unit
	}
	fmt.Fprintf(b, "\n### `%s`\n\n*%s%s*: %s\n\n", r.name, kind, unit, f.GetHelp())
	values := shownValues(f)
	for _, label := range slices.Sorted(maps.Keys(values)) {
		if meaning, open := openLabels[label]; open {
			fmt.Fprintf(b, "- `%s`: %s\n", label, meaning)
			continue
		}
		slices.Sort(values[label])
		closed := slices.Compact(values[label])
		i := valuesOf(r.name, label)
		if i < 0 {
			t.Errorf("the values of %s of %s are not explained in valueSets", label, r.name)
			continue
		}
		if explained[i] == nil {
			explained[i] = map[string]bool{}
		}
		for _, value := range closed {
			explained[i][strings.Trim(value, "`")] = true
		}
		fmt.Fprintf(b, "- [`%s`](#%s): %s\n", label, anchor(valueSets[i].title), strings.Join(closed, " "))
	}
	if kind == "histogram" {
		var bounds []string
		for _, bucket := range f.Metric[0].Histogram.Bucket {
			bounds = append(bounds, strconv.FormatFloat(bucket.GetUpperBound(), 'f', -1, 64))
		}
		fmt.Fprintf(b, "- classic buckets: %s; and native buckets\n", strings.Join(bounds, " "))
	}
	if len(values) > 0 || kind == "histogram" {
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "%s:\n\n```promql\n%s\n```\n", r.question, r.query)
}

// shownValues returns the values of each label of a metric, quoted as code.
func shownValues(f *dto.MetricFamily) map[string][]string {
	values := map[string][]string{}
	for _, m := range f.GetMetric() {
		for _, l := range m.Label {
			values[l.GetName()] = append(values[l.GetName()], "`"+l.GetValue()+"`")
		}
	}
	return values
}

var (
	selectorPattern = regexp.MustCompile(`(revox_\w+?)(?:_bucket|_sum|_count)?\{([^}]*)\}`)
	matcherPattern  = regexp.MustCompile(`(\w+)(?:=|!=|=~|!~)"([^"]*)"`)
)

// checkValues fails the test if an example selects a label value that its metric does not have.
func checkValues(t *testing.T, r reference, families map[string]*dto.MetricFamily) {
	for _, selector := range selectorPattern.FindAllStringSubmatch(r.query, -1) {
		values := shownValues(families[selector[1]])
		for _, matcher := range matcherPattern.FindAllStringSubmatch(selector[2], -1) {
			if _, open := openLabels[matcher[1]]; open || matcher[1] == "le" {
				continue
			}
			for value := range strings.SplitSeq(matcher[2], "|") {
				if !slices.Contains(values[matcher[1]], "`"+value+"`") {
					t.Errorf("the example of %s selects %s by %s %q, which it does not have",
						r.name, selector[1], matcher[1], value)
				}
			}
		}
	}
}

// openLabels are the labels whose values depend on the campaign, the API or the build, with their meaning.
var openLabels = map[string]string{
	tally.CampaignLabel: "the campaign's ID",
	"campaign_name":     "the campaign's name, up to 256 characters",
	"label_team":        "an example: the value of `team` in the campaign file, up to 256 characters",
	"label_tier":        "another example; there is one such label for each name that the file gives to any campaign, ten at most",
	"shard_index":       "from `0` to one less than the count",
	"shard_count":       "how many exporters share the campaigns",
	"end_reason":        "as the API gives it, an open set; at most 20 values, then `other`",
	"assistant_id":      "the assistant's ID",
	"assistant_name":    "the assistant's name, up to 256 characters",
	"llm_model":         "the language model, such as `gpt-4.1` or `mistralai/mistral-small-3.2-24b-instruct`",
	"llm_provider":      "`dedicated-instance`, or who runs the model",
	"voice_provider":    "`cartesia` or `elevenlabs`",
	"tool_name":         "as the assistant's owner named it; at most 20 values, then `other`; `none` if it has no name",
	"code":              "the HTTP status code, such as `200`; `error` if there was no answer",
	"version":           "the exporter's version",
	"revision":          "the commit of the build",
	"branch":            "the branch of the build",
	"goversion":         "the version of Go",
	"goos":              "the operating system of the build",
	"goarch":            "the processor architecture of the build",
	"tags":              "the build tags",
}

const labelValues = "Label values"

const valuesIntroduction = "These values have series from the first scan on. `other` stands for values that do not get a series of their own: see\n" +
	"[unknown label values](numbers.md#unknown-label-values). What to do starts with the [runbooks](../alerts/runbooks.md), if an alert\n" +
	"is about it.\n"

const referenceIntroduction = "# Metrics\n\n" +
	"This reference is generated from the code. Names, types, labels and units are a public interface;\n" +
	"[CHANGELOG.md](../CHANGELOG.md) says what a breaking change is. [How the numbers behave](numbers.md) is on a page of its own.\n\n" +
	"Every metric of a campaign has its `campaign_id`. Only `revox_campaign_info` has its name: join it on `campaign_id`. The\n" +
	"metrics of the Go runtime, the process and the metrics handler (`go_*`, `process_*`, `promhttp_*`) are exported too.\n\n" +
	"The examples assume that scrapes are a minute apart. They read all campaigns: add `{campaign_id=\"...\"}` to select one. They\n" +
	"work with one replica or several, and with classic or native histograms.\n"
