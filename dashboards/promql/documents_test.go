package promql

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// document is a query in a document.
type document struct {
	where, query string
}

// readDocuments returns the queries in the blocks of documents that are marked as PromQL, one in each.
func readDocuments(t *testing.T) (found []document) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "alerts/*.md", "dashboards/*.md", "charts/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(path, "../../")
			for i, block := range regexp.MustCompile("(?ms)^ *```promql\n(.*?)^ *```$").FindAllStringSubmatch(string(text), -1) {
				found = append(found, document{fmt.Sprintf("%s, block %d", name, i+1), block[1]})
			}
		}
	}
	if len(found) < 50 {
		t.Errorf("only %d queries found in documents", len(found))
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

// Prometheus accepts the configurations in documents.
func TestConfigurationsOfDocuments(t *testing.T) {
	for path, want := range map[string]func(*config.ScrapeConfig) bool{
		"README.md": func(job *config.ScrapeConfig) bool { return job.JobName == "revox" },
		"docs/numbers.md": func(job *config.ScrapeConfig) bool {
			return *job.ScrapeNativeHistograms && *job.AlwaysScrapeClassicHistograms
		},
	} {
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		block := regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```$").FindSubmatch(text)
		if block == nil {
			t.Errorf("%s has no configuration", path)
			continue
		}
		yaml := string(block[1])
		if !strings.Contains(yaml, "scrape_configs:") { // settings of a job
			yaml = "scrape_configs:\n  - job_name: revox\n" + yaml
		}
		cfg, err := config.Load(yaml, quiet)
		if err != nil {
			t.Errorf("%s: %v\n%s", path, err, yaml)
		} else if len(cfg.ScrapeConfigs) != 1 || !want(cfg.ScrapeConfigs[0]) {
			t.Errorf("%s: not the settings that are wanted:\n%s", path, yaml)
		}
	}
}

// ofEachExporter matches queries of what each exporter has for itself: a second one adds to it.
var ofEachExporter = regexp.MustCompile(`\brevox_(api|discovery|exporter)_`)

// Each query of a document gives the same with one replica and with two, whatever kind of histogram Prometheus stores.
// Prometheus' own scraper scrapes an exporter that reads the demo's campaigns.
func TestQueriesOfDocumentsWithReplicasAndHistograms(t *testing.T) {
	t.Parallel() // it waits for most of the time
	file := filepath.Join(t.TempDir(), "campaigns.yml")
	if err := os.WriteFile(file, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	port, _ := startDemo(t, "--state.path="+t.TempDir(), "--campaign.file="+file)
	stores := map[string]*store{}
	done := make(chan error)
	for kind, settings := range map[string]string{
		"classic": "",
		"native":  "scrape_native_histograms: true",
		"both":    bothKinds,
	} {
		s := openStore(t)
		stores[kind] = s
		go func() { done <- scrapeForAWhile(s.db, port, settings) }()
	}
	for range stores {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	at := time.Now().Add(-2 * time.Second)
	documents := readDocuments(t)
	for kind, s := range stores {
		for _, d := range documents {
			t.Run(kind+"/"+d.where, func(t *testing.T) { s.checkReplicas(t, d, at) })
		}
	}
}

// checkReplicas runs a query on both replicas and on one of them.
func (s *store) checkReplicas(t *testing.T, d document, at time.Time) {
	ask := func(matchers ...*labels.Matcher) map[string]float64 {
		expr, err := promQL.ParseExpr(d.query)
		if err != nil {
			t.Fatal(err)
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			switch n := node.(type) {
			case *parser.MatrixSelector:
				n.Range = shorten(n.Range)
			case *parser.VectorSelector:
				n.LabelMatchers = append(n.LabelMatchers, matchers...)
			}
			return nil
		})
		if _, err := s.series(expr.String(), true, at, at, time.Second); err != nil {
			t.Fatalf("%v\n%s", err, d.query)
		}
		// What a comparison finds is rightly empty if nothing is wrong: look at what it compares.
		found, err := s.series(unfiltered(expr).String(), true, at, at, time.Second)
		if err != nil {
			t.Fatalf("%v\n%s", err, d.query)
		}
		return found
	}
	two := ask()
	if len(two) == 0 {
		t.Errorf("no result:\n%s", d.query)
	}
	if ofEachExporter.MatchString(d.query) {
		return
	}
	one := ask(labels.MustNewMatcher(labels.MatchRegexp, "instance", "localhost:.*"))
	if a, b := slices.Sorted(maps.Keys(one)), slices.Sorted(maps.Keys(two)); !slices.Equal(a, b) {
		t.Errorf("one replica gives %v, two give %v\n%s", a, b, d.query)
	}
	// The replicas were not scraped at the same moment: ages differ by seconds, and so do the calls in between.
	tolerance := 0.1
	if strings.Contains(d.query, "time()") {
		tolerance = 60
	}
	if a, b := sum(one), sum(two); max(a, b) > 1.6*min(a, b)+tolerance {
		t.Errorf("one replica gives %g in all, two give %g\n%s", a, b, d.query)
	}
}

// sum returns the sum of all values, without their signs.
func sum(values map[string]float64) (total float64) {
	for _, v := range values {
		total += math.Abs(v)
	}
	return total
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
