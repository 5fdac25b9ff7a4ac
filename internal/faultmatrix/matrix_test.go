//go:build !race

// Package faultmatrix checks README.md, the table of what happens at each fault, against the whole exporter. It is
// excluded from the race detector, which would make its hundreds of exporters slow; collector's own tests run under it.
package faultmatrix

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

var update = flag.Bool("update", false, "write README.md again")

func TestMain(m *testing.M) {
	flag.Parse()
	// Many cases only wait for a timeout.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, badserver.Stuck())
}

// mode is when a fault is met.
type mode int

const (
	firstScan mode = iota // by every request, from the start on
	laterScan             // by each request for the second page, after complete scans: half of the campaign has been read
	onScrape              // by every request, after complete scans, in on-scrape mode
	once                  // by one request for the second page, after complete scans
	modes
)

func (m mode) String() string {
	return [...]string{"first scan", "later scan", "on scrape", "once"}[m]
}

// observation is the effect of a fault in one mode, as the table shows it.
type observation struct {
	up, reason, retries, published, says, warnings, back string
}

// failedScans is how many scans meet a fault that lasts.
const failedScans = 2

func TestMatrix(t *testing.T) {
	all := groups()
	seen := make([][][modes]observation, len(all))
	t.Run("faults", func(t *testing.T) {
		for i, g := range all {
			seen[i] = make([][modes]observation, len(g.faults))
			for j, f := range g.faults {
				for m := range modes {
					t.Run(g.name+"/"+f.name+"/"+m.String(), func(t *testing.T) {
						t.Parallel()
						seen[i][j][m] = observe(t, f, m)
					})
				}
			}
		}
	})
	if t.Failed() || !whole(seen) {
		return // -run selected some cases, which prove nothing about the table
	}
	const path = "README.md"
	document := render(all, seen)
	if *update {
		if err := os.WriteFile(path, []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if line, want, got := firstDifference(string(was), document); line != 0 {
		t.Errorf("line %d of %s is not what was seen; to write it: go test ./internal/faultmatrix -update\nit says %s\nseen    %s",
			line, path, want, got)
	}
}

// whole reports whether every case was run.
func whole(seen [][][modes]observation) bool {
	for _, g := range seen {
		for _, f := range g {
			if slices.Contains(f[:], observation{}) {
				return false
			}
		}
	}
	return true
}

// observe makes a fault begin and end, and returns what was seen. It checks what is true for every fault.
func observe(t *testing.T, f fault, m mode) observation {
	timeout := patience
	if f.hangs {
		timeout = 3 * time.Second // short; other cases must not depend on how busy the machine is
	}
	w, run := newWorld(t, m == onScrape, timeout, f.machine)
	var before string
	if m != firstScan {
		run()
		before = data(w.scrape(), faulty)
		w.setRows(rowsAfter)
	}
	warned := len(warnings(w.Logs.String()))
	mend := f.begin(t, w, m)
	var scrape string
	if m == firstScan {
		w.setRows(rowsAfter)
		if f.floods {
			w.way.held = make(chan struct{})
		}
		run()
		scrape = w.scrape()
	} else {
		scrape = w.scanAgain()
	}
	check(t, w, scrape)

	seen := observation{
		up:        value(scrape, `revox_campaign_up{campaign_id="faulty"}`),
		reason:    reasons(scrape),
		retries:   retries(scrape),
		published: published(before, scrape),
	}
	failed := seen.up == "0"
	want := f.reason
	if m == laterScan && f.later != "" {
		want = f.later
	}
	if m != once && want != accepted && seen.reason != string(want) {
		t.Errorf("up %s, failed for %q, want %q\n%s", seen.up, seen.reason, want, w.Logs.String())
	}
	for n := 1; ; n++ {
		if got := data(scrape, faulty); failed && got != before {
			t.Errorf("a failed scan changed the published data from\n%sto\n%s", before, got)
		}
		if n == failedScans || m == once {
			break
		}
		scrape = w.scanAgain()
		check(t, w, scrape)
	}
	logged := warnings(w.Logs.String())[warned:]
	seen.warnings = strconv.Itoa(len(logged))
	if len(logged) > 0 {
		seen.says = said(logged[0])
		if w.file != "" {
			seen.says = strings.ReplaceAll(seen.says, w.file, "FILE")
		}
	}
	wantWarnings := f.warnings
	if failed && f.reason != accepted {
		wantWarnings = 1
	}
	if m != once && f.reason != accepted && len(logged) != wantWarnings {
		t.Errorf("%d warnings, want %d:\n%s", len(logged), wantWarnings, strings.Join(logged, "\n"))
	}

	mend()
	seen.back = "–"
	if failed {
		limit := max(1, f.backAfter)
		back := 0
		for up := ""; up != "1"; back++ {
			if back > limit {
				t.Fatalf("not up again %d intervals after the fault had ended\n%s", limit, w.Logs.String())
			}
			scrape = w.scanAgain()
			up = value(scrape, `revox_campaign_up{campaign_id="faulty"}`)
		}
		seen.back = strconv.Itoa(back)
		if got, want := data(scrape, faulty), data(scrape, sound); got != want {
			t.Errorf("after the recovery there is\n%swant\n%s", got, want)
		}
	}
	if text := w.Logs.String(); strings.Contains(text, "panic") {
		t.Errorf("a panic:\n%s", text)
	}
	return seen
}

// begin makes the fault happen from now on.
func (f *fault) begin(t *testing.T, w *world, m mode) (mend func()) {
	page, times := revoxtest.AnyPage, 0
	switch m {
	case laterScan:
		page = revoxtest.Page(1)
	case once:
		page, times = revoxtest.Page(1), 1
	}
	switch {
	case f.machine != nil:
		f.machine.begin(w)
		return func() { f.machine.mend(w) }
	case f.jump != 0:
		w.clock.jump(f.jump)
		return func() {}
	case f.detour != nil:
		w.way.set(f.detour(t, w), page, times)
		return func() { w.way.set(nil, nil, 0) }
	}
	return w.API.AddFault(revoxtest.Fault{Campaign: faulty, Page: page, Times: times, Behavior: f.behavior})
}

// check checks what is true whatever goes wrong: the other campaign is read as usual, what is served can be parsed, and
// neither the key nor anything personal is shown.
func check(t *testing.T, w *world, scrape string) {
	t.Helper()
	up := value(scrape, `revox_campaign_up{campaign_id="sound"}`)
	if rows := value(scrape, `revox_campaign_rows{campaign_id="sound"}`); up != "1" || rows != fmt.Sprint(rowsAfter) {
		t.Errorf("the other campaign has up %q and rows %q\n%s", up, rows, w.Logs.String())
	}
	at := value(scrape, `revox_campaign_last_scan_success_timestamp_seconds{campaign_id="sound"}`)
	if seconds, err := strconv.ParseFloat(at, 64); err != nil || seconds != float64(w.clock.Now().Unix()) {
		t.Errorf("the other campaign was last read at %s, and now it is %d", at, w.clock.Now().Unix())
	}
	logs := w.Logs.String()
	if regexp.MustCompile(`level=(warn|error).*campaign_id=sound`).MatchString(logs) {
		t.Errorf("a warning is logged about the other campaign:\n%s", logs)
	}
	for kind := range reasonsOf(scrape, sound) {
		t.Errorf("the other campaign failed for %s", kind)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(scrape)); err != nil {
		t.Error(err)
	}
	for _, secret := range append(personal, revoxtest.APIKey) {
		if strings.Contains(scrape+logs, secret) {
			t.Errorf("%q is shown in\n%s\n%s", secret, logs, scrape)
		}
	}
	// Whatever the API sends: 20 values for each of 6 labels and "other", some of them with the buckets of talks.
	if n := strings.Count(data(scrape, faulty), "\n"); n > 1000 {
		t.Errorf("%d series of one campaign", n)
	}
}

// reasonsOf returns the kinds of failure that a campaign has had.
func reasonsOf(scrape, campaign string) map[revoxapi.ErrorKind]bool {
	met := map[revoxapi.ErrorKind]bool{}
	for _, kind := range revoxapi.ErrorKinds() {
		if value(scrape, fmt.Sprintf(`revox_campaign_scan_failures_total{campaign_id=%q,reason=%q}`, campaign, kind)) != "0" {
			met[kind] = true
		}
	}
	return met
}

func reasons(scrape string) string {
	var met []string
	for kind := range reasonsOf(scrape, faulty) {
		met = append(met, string(kind))
	}
	slices.Sort(met)
	return cmp.Or(strings.Join(met, " "), "–")
}

func retries(scrape string) string {
	sum := 0.0
	for line := range strings.Lines(scrape) {
		if strings.HasPrefix(line, "revox_api_retries_total{") {
			n, _ := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
			sum += n
		}
	}
	return fmt.Sprint(sum)
}

// published returns what a scrape shows of the faulty campaign, compared with the sound one, which has the same rows.
func published(before, scrape string) string {
	got, truth := data(scrape, faulty), data(scrape, sound)
	switch got {
	case "":
		return "nothing"
	case truth:
		return correct
	case before:
		return "the last complete data"
	}
	return correct + " except: " + differences(got, truth)
}

// correct is what published returns if the data is that of the rows.
const correct = "correct"

// differences names the series that show what was skipped or is unknown, and sums up the others.
func differences(got, truth string) string {
	known := map[string]string{}
	for line := range strings.Lines(truth) {
		series, number := cutValue(line)
		known[series] = number
	}
	var named []string
	news, others := 0, 0
	for line := range strings.Lines(got) {
		series, number := cutValue(line)
		was, there := known[series]
		name := strings.TrimPrefix(strings.NewReplacer("{}", "", "{,", "{").Replace(series), "revox_campaign_")
		switch {
		case was == number:
		case aboutScan.MatchString(name):
			named = append(named, "`"+shortened(name)+"` "+number)
		case !there && !strings.Contains(name, "_bucket"):
			if news++; news <= 2 {
				named = append(named, "`"+shortened(name)+"` "+number)
			}
		default:
			others++
		}
	}
	if news > 2 {
		named = append(named, fmt.Sprintf("%d more new series", news-2))
	}
	if others > 0 {
		named = append(named, "other counts")
	}
	return strings.Join(named, ", ")
}

// aboutScan matches the series that are about a scan rather than about calls.
var aboutScan = regexp.MustCompile(`^(rows|rows_without_call|rows_missing|decreases_total|scans_filtered|(anomalies|info)\{.*)$`)

func cutValue(line string) (series, value string) {
	line = strings.TrimSuffix(line, "\n")
	i := strings.LastIndex(line, " ")
	return line[:i], line[i+1:]
}

func shortened(name string) string {
	if runes := []rune(name); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return name
}

// warnings returns the lines of a log of level warn or error.
func warnings(logs string) []string {
	var lines []string
	for line := range strings.Lines(logs) {
		if strings.HasPrefix(line, "level=warn") || strings.HasPrefix(line, "level=error") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

var (
	errText   = regexp.MustCompile(` err="((?:[^"\\]|\\.)*)"`)
	msgText   = regexp.MustCompile(` msg="((?:[^"\\]|\\.)*)"`)
	preamble  = regexp.MustCompile(`^reading (page \d+ of )?campaign \\?"faulty\\?": `)
	addresses = regexp.MustCompile(`127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`)
	lookups   = regexp.MustCompile(`(lookup \S+) on [^ ]*(:)`)
	offsets   = regexp.MustCompile(`at byte \d+`)
	sizes     = regexp.MustCompile(`\b[\d.]+ [kM]?B\b`)
)

// said returns the cause that a log line gives, without what differs from run to run.
func said(line string) string {
	text := errText.FindStringSubmatch(line)
	if text == nil {
		text = msgText.FindStringSubmatch(line)
	}
	if text == nil {
		return line
	}
	plain := strings.ReplaceAll(preamble.ReplaceAllString(text[1], ""), `\"`, `"`)
	plain = lookups.ReplaceAllString(addresses.ReplaceAllString(plain, "ADDRESS"), "$1$2")
	return sizes.ReplaceAllString(offsets.ReplaceAllString(plain, "at byte N"), "N B")
}

func firstDifference(a, b string) (line int, inA, inB string) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		if i < len(as) {
			inA = as[i]
		}
		if i < len(bs) {
			inB = bs[i]
		}
		if i >= len(as) || i >= len(bs) || inA != inB {
			return i + 1, inA, inB
		}
	}
	return 0, "", ""
}
