package dashboards

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metric is what a query can read.
type metric struct {
	counter, gauge bool
	labels         []string
}

// readMetrics returns the metrics of README.md's table, which is held to the exporter's code; the recorded series of
// the rules; and those of the process and of Prometheus itself that dashboards read.
func readMetrics(t *testing.T) map[string]metric {
	t.Helper()
	always := []string{"instance", "job"}
	metrics := map[string]metric{
		"up":                            {gauge: true, labels: always},
		"ALERTS":                        {gauge: true, labels: append([]string{"alertname", "alertstate", "severity", "campaign_id", "campaign_name", "label"}, always...)},
		"process_resident_memory_bytes": {gauge: true, labels: always},
		"process_start_time_seconds":    {gauge: true, labels: always},
		"go_goroutines":                 {gauge: true, labels: always},
	}
	text := func(file string) string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(revox_\\w+)` \\| (counter|gauge|histogram) \\| ([^|]*) \\|").FindAllStringSubmatch(text("../README.md"), -1) {
		labels := slices.Clone(always)
		for _, l := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(m[3], -1) {
			labels = append(labels, l[1])
		}
		metrics[m[1]] = metric{m[2] != "gauge", m[2] == "gauge", labels}
		if m[2] == "histogram" {
			metrics[m[1]+"_count"] = metric{counter: true, labels: labels}
			metrics[m[1]+"_sum"] = metric{counter: true, labels: labels}
			metrics[m[1]+"_bucket"] = metric{counter: true, labels: append(slices.Clone(labels), "le")}
		}
	}
	if len(metrics) < 40 {
		t.Fatalf("README.md's table was not understood: %d metrics", len(metrics))
	}
	// The name of a recorded series begins with its labels: campaign_result:... has campaign_id and result.
	recorded := regexp.MustCompile(`(?m)^\s*- record: (([a-z_]+):\S+)$`).FindAllStringSubmatch(text("../alerts/revox.rules.yml"), -1)
	if len(recorded) == 0 {
		t.Fatal("no recorded series in the rules")
	}
	for _, m := range recorded {
		var labels []string
		if level, found := strings.CutPrefix(m[2], "campaign"); found {
			labels = append(labels, "campaign_id")
			if level != "" {
				labels = append(labels, strings.TrimPrefix(level, "_"))
			}
		}
		if strings.HasSuffix(m[1], ":named") {
			labels = append(labels, "campaign_name")
		}
		metrics[m[1]] = metric{gauge: true, labels: labels}
	}
	return metrics
}

var (
	tokens   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*|\$\{?\w+\}?|[0-9][0-9a-z.]*|=~|!~|!=|==|>=|<=|[^\s]`)
	keywords = []string{"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "start", "end", "Inf", "NaN"}
	grouping = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
)

// check returns what is wrong with an expression's metrics and labels. It knows as much of PromQL as that takes;
// whether an expression parses is tested in the folder promql, by Prometheus' own parser.
func check(expr string, metrics map[string]metric) (problems []string) {
	toks := tokens.FindAllString(expr, -1)
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	at := func(i int) string {
		if i < 0 || i >= len(toks) {
			return ""
		}
		return toks[i]
	}
	// closing returns the index of the bracket that closes the one at i.
	closing := func(i int) int {
		depth := 0
		for ; i < len(toks); i++ {
			switch toks[i] {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				if depth--; depth == 0 {
					return i
				}
			}
		}
		return len(toks) - 1
	}
	// made are labels that the expression makes itself.
	made := map[string]bool{}
	for _, m := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(expr, -1) {
		if strings.Contains(expr, "count_values(") || strings.Contains(expr, "label_join(") {
			made[m[1]] = true
		}
	}

	type use struct {
		name     string
		from, to int    // of the selector, with its labels and its range
		selector string // labels alone
		ranged   bool
	}
	var uses []use
	type group struct {
		labels   []string
		from, to int // of what it groups
	}
	var groups []group
	for i := 0; i < len(toks); i++ {
		tok := toks[i]
		switch {
		case slices.Contains(grouping, tok) && at(i+1) == "(":
			end := closing(i + 1)
			g := group{from: 0, to: len(toks)}
			for _, l := range toks[i+2 : end] {
				if l != "," {
					g.labels = append(g.labels, l)
				}
			}
			if (tok == "by" || tok == "without") && at(end+1) == "(" {
				g.from, g.to = end+1, closing(end+1)
			}
			groups = append(groups, g)
			i = end
		case tok == "[":
			i = closing(i)
		case regexp.MustCompile(`^[a-zA-Z_:]`).MatchString(tok):
			if slices.Contains(keywords, tok) || at(i+1) == "(" {
				continue
			}
			if next := at(i + 1); slices.Contains(grouping, next) {
				continue // an aggregation
			}
			u := use{name: tok, from: i, to: i}
			m, known := metrics[tok]
			if !known {
				problem("no metric %s", tok)
			}
			if at(i+1) == "{" {
				end := closing(i + 1)
				u.selector = strings.Join(toks[i+1:end+1], "")
				for j := i + 2; j < end; j++ {
					if slices.Contains([]string{"=", "!=", "=~", "!~"}, at(j+1)) && known && !slices.Contains(m.labels, at(j)) {
						problem("%s has no label %s", tok, at(j))
					}
				}
				u.to = end
			}
			if at(u.to+1) == "[" {
				u.to = closing(u.to + 1)
				u.ranged = true
			}
			uses = append(uses, u)
			i = u.to
		}
	}

	for _, g := range groups {
		for _, label := range g.labels {
			found := made[label]
			for _, u := range uses {
				if u.from >= g.from && u.to <= g.to && slices.Contains(metrics[u.name].labels, label) {
					found = true
				}
			}
			if !found {
				problem("label %s is on no metric that is grouped by it", label)
			}
		}
	}

	// gainedFrom tells whether the tokens from i on are "- min_over_time(the same selector".
	gainedFrom := func(i int, u use) bool {
		if at(i) != "-" || at(i+1) != "min_over_time" || at(i+2) != "(" || at(i+3) != u.name {
			return false
		}
		return u.selector == "" && at(i+4) == "[" || u.selector != "" && at(i+4) == "{" && strings.Join(toks[i+4:closing(i+4)+1], "") == u.selector
	}
	lowest := map[int]bool{} // where a counter in min_over_time is what is subtracted
	for _, u := range uses {
		after := u.to + 1
		if u.ranged {
			if at(u.from-2) != "last_over_time" {
				continue
			}
			after = closing(u.from-1) + 1
		}
		if gainedFrom(after, u) {
			lowest[after+3] = true
		} else if metrics[u.name].counter {
			problem("counter %s is read as it is; use rate or increase, or subtract its min_over_time", u.name)
		}
	}
	for _, u := range uses {
		if !u.ranged {
			continue
		}
		function := at(u.from - 2)
		rates := slices.Contains([]string{"rate", "increase", "irate", "resets"}, function)
		if m := metrics[u.name]; m.gauge && rates {
			problem("gauge %s in %s", u.name, function)
		} else if m.counter && !rates && function != "last_over_time" && !lowest[u.from] {
			problem("counter %s in %s", u.name, function)
		}
	}
	return problems
}
