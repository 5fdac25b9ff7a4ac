package operations

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// startWithState starts the program with state in a folder, reading api.
func startWithState(t *testing.T, api *revoxtest.Server, folder string, args ...string) *programtest.Process {
	t.Helper()
	return programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey},
		append(args, "--revox.base-url="+api.URL, "--state.path="+folder, "--revox.max-retries=0")...)
}

// changingRows lets rows come, go, finish and be reclassified, until stop is called.
func changingRows(api *revoxtest.Server, random *rand.Rand, ids []string) (stop func()) {
	results := []string{"human", "voicemail", "IVR", "news"}
	change := func() {
		for _, id := range ids {
			var rows []json.RawMessage
			for i := range 10 + random.IntN(30) {
				rows = append(rows, fmt.Appendf(nil, `{"id": "r%d",
					"call": {"status": "completed", "created_at": "2024-05-01T08:00:00Z", "call_attempts": [{
						"status": "completed", "result": %q, "started_at": "2024-05-01T09:00:00Z",
						"answered_at": "2024-05-01T09:00:05Z", "ended_at": "2024-05-01T09:%02d:00Z"}]}}`,
					i, results[random.IntN(len(results))], 1+random.IntN(50)))
			}
			api.SetRows(id, "", rows)
		}
	}
	change()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			change()
			time.Sleep(time.Millisecond)
		}
	}()
	return func() { cancel(); <-ended }
}

// monotonic returns each value of a scrape that must never fall: those of campaigns' counters and histograms, and the
// times at which their data was complete.
func monotonic(t *testing.T, scrape string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(scrape))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for name, family := range families {
		for _, m := range family.Metric {
			series := fmt.Sprint(name, m.Label)
			switch {
			case !strings.HasPrefix(name, "revox_campaign_"):
			case name == "revox_campaign_last_scan_success_timestamp_seconds":
				values[series] = m.Gauge.GetValue()
			case family.GetType() == dto.MetricType_COUNTER:
				values[series] = m.Counter.GetValue()
			case family.GetType() == dto.MetricType_HISTOGRAM:
				values[series+" count"] = float64(m.Histogram.GetSampleCount())
				values[series+" sum"] = m.Histogram.GetSampleSum()
				for _, b := range m.Histogram.Bucket {
					values[fmt.Sprint(series, " le ", b.GetUpperBound())] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return values
}

var kills = flag.Int("kills", 20, "how often to kill the process")

// The process is killed at random moments while it is scraped all the time. The next process has data although the API
// fails, and no value is lower than it was scraped before.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	api := revoxtest.NewServer(revoxtest.WithRequestLog(1))
	defer api.Close()
	var ids, args []string
	for i := range 6 {
		ids = append(ids, fmt.Sprint("c", i))
		args = append(args, "--campaign.id="+ids[i])
	}
	defer changingRows(api, rand.New(rand.NewPCG(seed, 1)), ids)()
	folder := t.TempDir()
	before := map[string]float64{}
	scrapes, proofs := 0, 0
	for kill := range *kills {
		// Scans happen with each scrape, or by themselves every second.
		interval := "0"
		if kill%4 == 3 {
			interval = "1s"
		}
		remove := func() {}
		if kill > 0 {
			remove = api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
		}
		p := startWithState(t, api, folder, append(args, "--scan.interval="+interval)...)
		_, scrape := p.Get("/metrics")
		remove()
		first := monotonic(t, scrape)
		for series, was := range before {
			if now, ok := first[series]; !ok || now < was {
				t.Errorf("after kill %d: %s fell from %v to %v", kill, series, was, now)
			}
		}
		if len(before) > 0 && !strings.Contains(scrape, "\nrevox_campaign_calls_finished_total{") {
			t.Errorf("after kill %d there is no data:\n%s", kill, p.Log())
		}
		for line := range strings.Lines(p.Log()) {
			if stateComplaint.MatchString(line) && !slowDisk(line) {
				t.Errorf("after kill %d the log says: %s", kill, line)
			}
		}
		if kill%2 == 0 { // on a busy machine there may be no time for a scrape until the process is killed
			_, scrape = p.Get("/metrics")
			scrapes++
		}
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
			p.End(os.Kill)
		}()
		for scraping := true; scraping; {
			if body, err := metricsOf(p); err == nil {
				scrape = body
				scrapes++
			}
			select {
			case <-killed:
				scraping = false
			default:
			}
		}
		before = monotonic(t, scrape)
		if slowDisk(p.Log()) {
			before = nil // the exporter does not wait for long, so the next process may have older data
		} else if len(before) >= 500 {
			proofs++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d scrapes", scrapes)
	if proofs < *kills/2 {
		t.Errorf("only %d of %d kills prove anything", proofs, *kills)
	}
}

var stateComplaint = regexp.MustCompile(`level=(warn|error).*state`)

// slowDisk reports whether a log says that the state was not on the disk in time.
func slowDisk(log string) bool { return strings.Contains(log, "the disk takes too long") }

// metricsOf returns a whole answer of /metrics, or an error.
func metricsOf(p *programtest.Process) (string, error) {
	resp, err := http.Get(p.URL + "/metrics")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestOrderlyRestart(t *testing.T) {
	t.Parallel()
	api := revoxtest.NewServer(revoxtest.WithNewerFields())
	defer api.Close()
	id := sim.New(api).AddCampaign(sim.Campaign{Rows: 350, Start: time.Now().AddDate(0, -1, 0), MaxConcurrentCalls: 300,
		RowsWithoutCallShare: -1})
	folder := t.TempDir()
	p := startWithState(t, api, folder, "--campaign.discover", "--campaign.completed-for=0")
	p.Ready()
	before, _ := metricsOf(p)
	p.Terminate()
	asked := len(requestsFor(api, id))
	p = startWithState(t, api, folder, "--campaign.discover", "--campaign.completed-for=0")
	p.Ready()
	after, _ := metricsOf(p)
	// For the last row, and for each status that calls have. When it was started decides whether any was cancelled or errored.
	want := 1 + len(regexp.MustCompile(`(?m)^revox_campaign_calls\{.*status="\w+"\} [1-9]`).FindAllString(before, -1))
	if n := len(requestsFor(api, id)) - asked; n != want || want < 2 {
		t.Errorf("%d requests for a finished campaign after the restart, want %d", n, want)
	}
	data := regexp.MustCompile(`(?m)^revox_campaign_(info|rows|call).*$`)
	if a, b := data.FindAllString(after, -1), data.FindAllString(before, -1); len(b) < 100 || !slices.Equal(a, b) {
		t.Errorf("the %d series after the restart are not the %d before", len(a), len(b))
	}
	if !strings.Contains(after, "\nrevox_exporter_state_up 1\n") ||
		!strings.Contains(after, "\nrevox_exporter_state_writes_failed_total 0\n") {
		t.Error("the metrics do not show that the state is written")
	}
	p.Terminate()

	// The file contains nothing that identifies a person or a row.
	file, err := os.ReadFile(filepath.Join(folder, "revox_exporter.db"))
	if err != nil {
		t.Fatal(err)
	}
	secret := append(api.Personal(id), revoxtest.APIKey, api.URL)
	secret = append(secret, rowIDs(t, api, id)...)
	if len(secret) < 1000 {
		t.Fatalf("only %d values to look for", len(secret))
	}
	for _, value := range secret {
		if bytes.Contains(file, []byte(value)) {
			t.Errorf("%q is in the file", value)
		}
	}
	if !bytes.Contains(file, []byte(id)) {
		t.Error("not even the campaign's ID is in the file, so this proves nothing")
	}
}

func requestsFor(api *revoxtest.Server, id string) (requests []revoxtest.Request) {
	for _, r := range api.Requests() {
		if strings.Contains(r.Path, id) {
			requests = append(requests, r)
		}
	}
	return requests
}

func rowIDs(t *testing.T, api *revoxtest.Server, id string) (ids []string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, api.URL+"/campaigns/"+id+"/rows?page=0&page_size=1000", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct{ Rows []struct{ ID string } }
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		ids = append(ids, row.ID)
	}
	return ids
}

func TestTwoProcessesCannotShareAState(t *testing.T) {
	t.Parallel()
	api := revoxtest.NewServer()
	defer api.Close()
	api.SetRows("c", "", []json.RawMessage{json.RawMessage(`{"id": "r"}`)})
	folder := t.TempDir()
	startWithState(t, api, folder, "--campaign.id=c")
	ctx, cancel := context.WithTimeout(context.Background(), programtest.Patience)
	defer cancel()
	asked := api.RequestCount()
	var out bytes.Buffer
	cmd := programtest.Command(ctx, t, []string{"REVOX_API_KEY=k"}, "--campaign.id=c", "--revox.base-url="+api.URL,
		"--state.path="+folder, "--web.listen-address=127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the exit code is checked below
	if code := cmd.ProcessState.ExitCode(); code != 1 || strings.Count(out.String(), "\n") != 1 ||
		!strings.Contains(out.String(), "another process uses it") {
		t.Errorf("exit code %d, and it says:\n%s", code, &out)
	}
	if n := api.RequestCount(); n > asked+1 { // one may be the first process's
		t.Errorf("the second process has sent the API %d requests", n-asked)
	}
}

// State that cannot be used or written causes one log line, and everything else goes on.
func TestWithoutUsableState(t *testing.T) {
	api := revoxtest.NewServer()
	t.Cleanup(api.Close)
	var args []string
	for i := range 30 {
		id := fmt.Sprint("c", i)
		args = append(args, "--campaign.id="+id)
		sim.New(api).AddCampaign(sim.Campaign{ID: id, Rows: 50, Start: time.Now().AddDate(0, -1, 0), Weight: sim.Light})
	}
	other := revoxtest.NewServer()
	t.Cleanup(other.Close)
	other.SetRows("c0", "", nil)
	foreign := t.TempDir()
	p := startWithState(t, other, foreign, "--campaign.id=c0")
	p.Ready()
	p.Terminate()
	garbage := t.TempDir()
	if err := os.WriteFile(filepath.Join(garbage, "revox_exporter.db"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(pipe, "revox_exporter.db"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, folder, limit, says, up string // limit of the size of files, in blocks
	}{
		{"no folder", filepath.Join(t.TempDir(), "none"), "unlimited", "cannot be used.*no such file or directory", "0"},
		{"folder that cannot be written", "/proc/self", "unlimited", "cannot be used.*", "0"},
		{"state of another API", foreign, "unlimited", "cannot be used.*another API", "0"},
		{"a pipe", pipe, "unlimited", "cannot be used.*not a regular file", "0"},
		{"garbage", garbage, "unlimited", "was damaged.*set aside as .*revox_exporter.db.damaged-", "1"},
		{"disk full from the start", t.TempDir(), "0", "cannot be used.*file too large", "0"},
		{"disk full after a while", t.TempDir(), "150", "cannot be written.*file too large", "0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := []string{"REVOX_API_KEY=" + revoxtest.APIKey}
			cmd := programtest.Command(context.Background(), t, env, append(args, "--revox.base-url="+api.URL,
				"--state.path="+test.folder, "--scan.interval=1s", "--web.listen-address=127.0.0.1:0")...)
			limited := "ulimit -f " + test.limit + ` && exec "$0" "$@"`
			cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", limited}, cmd.Args...)
			p := programtest.StartCommand(t, cmd)
			p.Ready()
			lastScan := regexp.MustCompile(`(?m)^revox_campaign_last_scan_success_timestamp_seconds.*$`)
			_, metrics := p.Get("/metrics")
			first := lastScan.FindString(metrics)
			p.Await("there are further scans", func() bool {
				_, metrics = p.Get("/metrics")
				return lastScan.FindString(metrics) != first
			})
			if n := strings.Count(metrics, "\nrevox_campaign_rows{"); n != 30 {
				t.Errorf("%d campaigns have data, want 30", n)
			}
			if !strings.Contains(metrics, "\nrevox_exporter_state_up "+test.up+"\n") {
				t.Errorf("revox_exporter_state_up should be %s", test.up)
			}
			p.Terminate()
			said := regexp.MustCompile(`(?m)^level=(warn|error).*$`).FindAllString(p.Log(), -1)
			// A busy machine takes long for a scan.
			said = slices.DeleteFunc(said, func(line string) bool { return strings.Contains(line, "takes more than half of --scan.interval") })
			if len(said) != 1 || !regexp.MustCompile(test.says).MatchString(said[0]) {
				t.Errorf("the log must have one warning or error with %q:\n%s", test.says, strings.Join(said, "\n"))
			}
		})
	}
}
