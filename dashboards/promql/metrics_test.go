package promql

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metric is what a query can read of one name.
type metric struct {
	counter bool                // It is a counter, a histogram, or a classic histogram's part.
	labels  []string            // All that it can have, with those that Prometheus adds.
	values  map[string][]string // The known values of the labels that have a closed set of them.
}

// always are the labels that Prometheus gives to what it scrapes.
var always = []string{"instance", "job"}

// readMetrics returns by name the exporter's metrics from the reference, which is generated from the code, the series
// that the rules record, and those of the process and of Prometheus that dashboards read.
func readMetrics(t *testing.T) map[string]metric {
	t.Helper()
	alert := []string{"alertname", "alertstate", "severity", "campaign_id", "tool_name", "kind", "provider", "label",
		"team"} // which users may add
	metrics := map[string]metric{
		"up":                            {labels: always},
		"scrape_duration_seconds":       {labels: always},
		"ALERTS":                        {labels: slices.Concat(always, alert)},
		"ALERTS_FOR_STATE":              {labels: slices.Concat(always, alert)},
		"process_resident_memory_bytes": {labels: always},
		"process_start_time_seconds":    {labels: always},
		"go_goroutines":                 {labels: always},
	}
	for name, m := range readReference(t) {
		metrics[name] = m
	}
	known := map[string][]string{}
	for _, m := range metrics {
		for label, values := range m.values {
			known[label] = append(known[label], values...)
		}
	}
	known["kind"] = append(known["kind"], "model", "voice") // of providers
	for _, r := range readRules(t) {
		if r.Record != "" {
			metrics[r.Record] = metric{labels: recordedLabels(r.Record), values: known}
		}
	}
	return metrics
}

// readReference returns the metrics of the reference.
func readReference(t *testing.T) map[string]metric {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string]metric{}
	families, _, _ := strings.Cut(string(text), "\n## Label values\n")
	sections := strings.Split(families, "\n### ")[1:]
	for _, section := range sections {
		head := regexp.MustCompile("^`(\\w+)`\n\n\\*(counter|gauge|histogram)\\b").FindStringSubmatch(section)
		if head == nil {
			t.Fatalf("the reference has a metric without a type:\n%s", section)
		}
		m := metric{counter: head[2] != "gauge", labels: slices.Clone(always), values: map[string][]string{}}
		for _, line := range regexp.MustCompile("(?m)^- \\[?`(\\w+)`(?:\\]\\(.*?\\))?: (.*)$").FindAllStringSubmatch(section, -1) {
			m.labels = append(m.labels, line[1])
			if regexp.MustCompile("^(`[^`]+` ?)+$").MatchString(line[2]) {
				m.values[line[1]] = strings.Fields(strings.ReplaceAll(line[2], "`", ""))
			}
		}
		metrics[head[1]] = m
		if head[2] == "histogram" {
			metrics[head[1]+"_count"], metrics[head[1]+"_sum"] = m, m
			m.labels = append(slices.Clone(m.labels), "le")
			metrics[head[1]+"_bucket"] = m
		}
	}
	if len(sections) < 35 {
		t.Fatalf("only %d metrics found in the reference", len(sections))
	}
	return metrics
}

// recordedLabels returns the labels of a recorded series, which are in its name: campaign_result:... has campaign_id and
// result, and ...:named has campaign_name too.
func recordedLabels(name string) (labels []string) {
	level, _, _ := strings.Cut(name, ":")
	for level != "" {
		label, rest, _ := strings.Cut(level, "_")
		switch label {
		case "dial", "ended", "tool": // dial_error, ended_by, tool_name
			second, after, _ := strings.Cut(rest, "_")
			label, rest = label+"_"+second, after
		}
		switch label {
		case "campaign":
			labels = append(labels, "campaign_id")
		case "instance":
			labels = append(labels, "instance")
			if rest == "" {
				labels = append(labels, "job")
			}
		case "revox": // all
		default:
			labels = append(labels, label)
		}
		level = rest
	}
	if strings.HasSuffix(name, ":named") {
		labels = append(labels, "campaign_name")
	}
	if name == "campaign:revox_campaign_info:named" {
		labels = append(labels, "team")
	}
	return labels
}

// labelSet is a set of labels' names.
type labelSet map[string]bool

func setOf(labels ...string) labelSet {
	set := labelSet{}
	for _, l := range labels {
		set[l] = true
	}
	return set
}

func (s labelSet) with(labels ...string) labelSet {
	set := maps.Clone(s)
	maps.Copy(set, setOf(labels...))
	return set
}

func (s labelSet) without(labels ...string) labelSet {
	set := maps.Clone(s)
	for _, l := range labels {
		delete(set, l)
	}
	return set
}
