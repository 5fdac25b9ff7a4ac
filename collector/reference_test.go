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

// METRICS.md is generated from the metrics of an exporter that shows every metric, with an example of each:
// go test ./collector -run Reference -update writes it.
func TestReference(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithNewerFields())
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Rows: 60, Start: start.Add(-48 * time.Hour), Weight: sim.Light})
	api.SetRows("active", "", []json.RawMessage{activeRow("r", "calling", "ongoing", `"2024-05-01T08:59:00Z"`)})
	campaigns := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, campaigns, "[]")
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
	written := map[string]bool{}
	for _, group := range references {
		fmt.Fprintf(&b, "\n## %s\n", group.title)
		for _, r := range group.metrics {
			f := families[r.name]
			if f == nil {
				t.Errorf("%s has an example, but the exporter does not show it", r.name)
				continue
			}
			written[r.name] = true
			writeReference(&b, r, f)
			checkValues(t, r, families)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !written[name] {
			t.Errorf("%s has no unit and example in references", name)
		}
	}

	const path = "METRICS.md"
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
	// README.md lists the metrics of the whole program.
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(revox_\\w+)` \\|").FindAllStringSubmatch(string(readme), -1)
	if len(rows) == 0 {
		t.Error("README.md lists no metrics")
	}
	for _, row := range rows {
		if !written[row[1]] {
			t.Errorf("README.md lists %s, but %s does not", row[1], path)
		}
	}
}

func writeReference(b *strings.Builder, r reference, f *dto.MetricFamily) {
	kind := strings.ToLower(f.GetType().String())
	unit := r.unit
	if unit != "" {
		unit = ", in " + unit
	}
	fmt.Fprintf(b, "\n### `%s`\n\n*%s%s*: %s\n\n", r.name, kind, unit, f.GetHelp())
	values := shownValues(f)
	for _, label := range slices.Sorted(maps.Keys(values)) {
		meaning, open := openLabels[label]
		if !open {
			slices.Sort(values[label])
			meaning = strings.Join(slices.Compact(values[label]), " ")
		}
		fmt.Fprintf(b, "- `%s`: %s\n", label, meaning)
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
			if _, open := openLabels[matcher[1]]; open {
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
	"end_reason":        "as the API gives it, an open set; at most 20 values, then `other`",
	"code":              "the HTTP status code, such as `200`; `error` if there was no answer",
	"version":           "the exporter's version",
	"revision":          "the commit of the build",
	"branch":            "the branch of the build",
	"goversion":         "the version of Go",
	"goos":              "the operating system of the build",
	"goarch":            "the processor architecture of the build",
	"tags":              "the build tags",
}

const referenceIntroduction = `# Metrics

This reference is generated from the code: ` + "`go test ./collector -run Reference -update`" + `. Names, types,
labels and units are a public interface; CHANGELOG.md says what a breaking change is.

All values of one campaign come from one complete scan. Every metric of a campaign has its ` + "`campaign_id`" + `. Only
` + "`revox_campaign_info`" + ` has its name: join it on ` + "`campaign_id`" + `. The label values listed here are present
from the first scan, with 0 if nothing was counted, so that the first occurrence is an increase. Values that the API
adds later get their own series, up to 20 per label and process. Further values, and any that look like personal data,
are counted as ` + "`other`" + `.

The examples assume that scrapes are a minute apart. They select all campaigns: add ` + "`{campaign_id=\"...\"}`" + ` to
select one. If two replicas read the same campaigns, every series exists twice: put
` + "`max without (instance) (...)`" + ` around it, outside of ` + "`rate`" + ` or ` + "`increase`" + `.
`
