package collector

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

var growthRowsFlag = flag.Int("growth.rows", 10_000, "total rows of all campaigns in the largest case of BenchmarkGrowth")

// BenchmarkGrowth scans more and more campaigns and rows, for the first time and again, and prints a table of the
// costs. The exporter and the API run in separate processes, so that nothing else is measured. Rows have about 1 KB, a
// tenth of real ones: they are faster to read, so a later scan costs more in proportion. The counts found must equal those
// served.
//
//	go test -run '^$' -bench Growth -benchtime 1x ./collector -args -growth.rows 1000000
func BenchmarkGrowth(b *testing.B) {
	most := *growthRowsFlag
	var orders []growthOrder
	for campaigns := 1; campaigns <= 1000; campaigns *= 10 {
		for rows := 1000; campaigns*rows <= most; rows *= 10 {
			orders = append(orders, growthOrder{Kind: growthTogether, Campaigns: campaigns, Rows: rows})
		}
	}
	for _, order := range []growthOrder{
		{Kind: growthFinished}, {Kind: growthSpread}, {Kind: growthMany}, {Kind: growthMany, State: true},
	} {
		for campaigns := 1; campaigns <= 1000 && campaigns*1000 <= most; campaigns *= 1000 {
			order.Campaigns, order.Rows = campaigns, most/campaigns
			orders = append(orders, order)
		}
	}
	table := "\n| active calls | campaigns | rows | first scan: time a row | CPU a row | requests | MB " +
		"| later scan: time | CPU | requests | bytes | peak memory | of it mapped files |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
	perRow := func(c growthCost) (wall, cpu float64) {
		return c.Time.Seconds() / float64(c.Found.Rows), c.CPU.Seconds() / float64(c.Found.Rows)
	}
	var wall, cpu float64 // of one row in the smallest case
	for _, order := range orders {
		total := order.Campaigns * order.Rows
		kind := order.Kind
		if order.State {
			kind += ", with a state file"
		}
		b.Run(fmt.Sprintf("%s/%d campaigns/%d rows", kind, order.Campaigns, total), func(b *testing.B) {
			var r growthResult
			for b.Loop() {
				r = runGrowth(b, order)
			}
			rows := float64(total)
			b.ReportMetric(r.First.CPU.Seconds()/rows*1e6, "first-cpu-µs/row")
			b.ReportMetric(percent(r.Again.CPU, r.First.CPU), "%cpu")
			b.ReportMetric(percent(r.Again.Requests, r.First.Requests), "%requests")
			b.ReportMetric(percent(r.Again.Bytes, r.First.Bytes), "%bytes")
			b.ReportMetric(r.PeakMiB, "peak-MiB")
			rowWall, rowCPU := perRow(r.First)
			if wall == 0 {
				wall, cpu = rowWall, rowCPU
			}
			table += fmt.Sprintf("| %s | %d | %.0f | %.2f | %.2f | %d | %.1f | %s | %s | %d = %s | %s | %.0f MiB | %.0f MiB |\n",
				kind, order.Campaigns, rows, rowWall/wall, rowCPU/cpu, r.First.Requests, float64(r.First.Bytes)/1e6,
				percentage(r.Again.Time, r.First.Time), percentage(r.Again.CPU, r.First.CPU), r.Again.Requests,
				percentage(r.Again.Requests, r.First.Requests), percentage(r.Again.Bytes, r.First.Bytes), r.PeakMiB, r.FilesMiB)
		})
	}
	fmt.Println(table)
}

func percent[T time.Duration | int64](part, whole T) float64 {
	return 100 * float64(part) / float64(whole)
}

// percentage returns percent as text with two significant digits.
func percentage[T time.Duration | int64](part, whole T) string {
	if part == 0 {
		return "0 %"
	}
	p := percent(part, whole)
	return strconv.FormatFloat(p, 'f', max(0, 1-int(math.Floor(math.Log10(max(p, 0.01))))), 64) + " %"
}

// growthResult is the result of the scans.
type growthResult struct {
	First, Again growthCost
	PeakMiB      float64 // the peak memory of the process; 0 if the system does not provide it
	// FilesMiB is the memory of mapped files at the end: the program and the state file. The system can take it back.
	FilesMiB float64
}

// growthCost is what one scan of all campaigns cost and found.
type growthCost struct {
	Time, CPU       time.Duration
	Requests, Bytes int64
	Found           growthCount
}

// growthProcess is the task of a process that a benchmark starts: to scan the API at URL, or to serve it if URL is "". If
// WeekRows is not 0, it serves the campaign of BenchmarkWeek.
type growthProcess struct {
	growthOrder
	URL            string
	WeekRows       int
	QueueOvernight bool
	WithoutPages   bool
}

const growthVariable = "REVOX_BENCHMARK_GROWTH"

// growthMain runs the task if the process was started by the benchmark, and reports whether it was.
func growthMain() bool {
	text := os.Getenv(growthVariable)
	if text == "" {
		return false
	}
	var p growthProcess
	err := json.Unmarshal([]byte(text), &p)
	switch {
	case err != nil:
	case p.WeekRows > 0:
		err = serveWeek(p)
	case p.URL == "":
		err = serveGrowth(p.growthOrder)
	default:
		err = scanGrowth(p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
	return true
}

// startGrowth starts a process, and decodes its first output.
func startGrowth(b *testing.B, p growthProcess, into any) (stop func()) {
	order, err := json.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), growthVariable+"="+string(order))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // a server ends when this closes, however this process ends
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	decodeErr := json.NewDecoder(stdout).Decode(into)
	stop = func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	if decodeErr != nil {
		stop()
		b.Fatal(decodeErr)
	}
	return stop
}

func runGrowth(b *testing.B, order growthOrder) (r growthResult) {
	var served growthServed
	stopServer := startGrowth(b, growthProcess{growthOrder: order}, &served)
	defer stopServer()
	startGrowth(b, growthProcess{growthOrder: order, URL: served.URL}, &r)()
	for _, c := range []growthCost{r.First, r.Again} {
		found, want := c.Found, served.Want
		if found.Rows != uint64(order.Campaigns*order.Rows) || found.Rows != want.Rows || found.Uncalled != want.Uncalled ||
			found.Attempts != want.Attempts || !maps.Equal(found.Calls, want.Calls) {
			b.Fatalf("found %+v, want %+v", found, want)
		}
		active := uint64(0)
		if n := order.oneActiveOf(); n > 0 {
			active = found.Rows / uint64(n)
		}
		finished := found.Calls["completed"] + found.Calls["cancelled"] + found.Calls["errored"]
		if open := found.Rows - found.Uncalled - finished; open != active {
			b.Fatalf("%d of %d rows are not finished, want %d", open, found.Rows, active)
		}
	}
	return r
}

// scanGrowth runs an exporter process, which scans five times: the last three times only for the peak memory.
func scanGrowth(p growthProcess) (err error) {
	s := growthScanner{}
	key := revoxapi.StaticKey(revoxtest.APIKey)
	trace := revoxapi.Trace{Request: func(r revoxapi.RequestTrace) {
		s.requests.Add(1)
		s.bytes.Add(r.BodyBytes)
	}}
	client, err := revoxapi.NewClient(key, revoxapi.WithBaseURL(p.URL), revoxapi.WithTrace(trace))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var ids []string
	for i := range p.Campaigns {
		ids = append(ids, fmt.Sprintf("campaign-%04d", i))
	}
	clock, logger := revoxtest.NewClock(growthTime), slog.New(slog.DiscardHandler)
	var state *store.State
	if p.State {
		folder, err := os.MkdirTemp("", "growth")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		if state, err = store.OpenState(folder, p.URL, clock, logger); err != nil {
			return err
		}
		defer state.Close()
	}
	s.exporter, err = New(Config{
		Client: client, Key: key, Logger: logger, Clock: clock, State: state,
		CampaignIDs: ids, ScanInterval: time.Minute, FullInterval: time.Hour,
	})
	if err != nil {
		return err
	}
	var r growthResult
	if r.First, err = s.scan(); err != nil {
		return err
	}
	if r.Again, err = s.scan(); err != nil {
		return err
	}
	for range 3 {
		clock.Advance(2 * time.Minute) // so that the state is written again
		if _, err = s.scan(); err != nil {
			return err
		}
	}
	if state != nil {
		if up, failed := state.Status(); !up || failed > 0 {
			return fmt.Errorf("the state could not be written %d times", failed)
		}
	}
	r.PeakMiB, r.FilesMiB = memory("VmHWM:"), memory("RssFile:")
	return json.NewEncoder(os.Stdout).Encode(r)
}

type growthScanner struct {
	exporter        *Exporter
	requests, bytes atomic.Int64
}

// scan scans every campaign once.
func (s *growthScanner) scan() (c growthCost, err error) {
	began, requests, bytes, cpu := time.Now(), s.requests.Load(), s.bytes.Load(), cpuTime()
	s.exporter.scanAll(context.Background())
	c = growthCost{
		Time: time.Since(began), CPU: cpuTime() - cpu,
		Requests: s.requests.Load() - requests, Bytes: s.bytes.Load() - bytes,
	}
	for _, r := range s.exporter.store.All() {
		if r.Err != nil {
			return c, r.Err
		}
		t := r.Data.Tally
		found := growthCount{
			Rows: t.Rows(), Uncalled: t.Total(tally.RowsWithoutCall),
			Calls: map[string]uint64{}, Attempts: t.Total(tally.CallAttempts),
		}
		for _, c := range t.Values.Counts[tally.Calls.Index] {
			if c.Value > 0 {
				found.Calls[c.Label] = c.Value
			}
		}
		c.Found.add(found)
	}
	return c, nil
}

// cpuTime returns the CPU time that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memory returns the value of a line of the status of the process in MiB; 0 if the system does not provide it.
func memory(line string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, ok := strings.Cut(string(status), line)
	if !ok {
		return 0
	}
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		return 0
	}
	return float64(kib) / 1024
}
