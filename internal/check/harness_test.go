package check_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/internal/check"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(programtest.M{M: m}) }

// patience is how long a test waits before it fails.
const patience = 30 * time.Second

// run is one check, in the test's own process.
type run struct {
	url     string
	key     string // "" for that of the simulated API
	format  string
	columns int // of the terminals that everything is shown on; 0: on none
	colour  bool
	state   string // --state.path
	ctx     context.Context
	clock   revoxapi.Clock // nil: stands still at the present
	watch   revoxapi.Clock // nil: clock, but nothing is shown only because time passes
	options []revoxapi.Option
	config  func(*collector.Config)
}

// unticking is a clock that lets a check show what happens, and not that time passes.
type unticking struct{ revoxapi.Clock }

func (unticking) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// outcome is what a check printed and returned.
type outcome struct {
	ok            bool
	out, progress string
}

func (r run) do(t *testing.T) outcome {
	t.Helper()
	if r.key == "" {
		r.key = revoxtest.APIKey
	}
	if r.clock == nil {
		r.clock = exportertest.Impatient{Clock: revoxtest.NewClock(time.Now())}
	}
	if r.ctx == nil {
		r.ctx = t.Context()
	}
	watch := check.NewWatch(r.url, cmp.Or[revoxapi.Clock](r.watch, unticking{r.clock}))
	in, err := exportertest.Make(r.url, nil, func(c *collector.Config) {
		c.Key, c.Logger, c.Clock = revoxapi.StaticKey(r.key), slog.New(slog.DiscardHandler), r.clock
		r.config(c)
	}, append(append([]revoxapi.Option{revoxapi.WithClock(r.clock)}, r.options...), watch.ClientOptions()...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Stop)
	var out, progress bytes.Buffer
	options := check.Options{
		Format: r.format, Out: &out, Progress: &progress, Columns: r.columns, Colour: r.colour,
		Version: "1.2.3-test", Interval: in.Config.ScanInterval, FullInterval: in.Config.FullInterval,
		StatePath: r.state, TryState: func() error { return store.TryState(r.state, r.url) },
	}
	if r.columns > 0 {
		options.ProgressColumns = func() int { return r.columns }
	}
	ok, err := check.Run(r.ctx, in.Exporter, watch, options)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{ok, out.String(), progress.String()}
}

// result runs the check and returns what it prints for scripts.
func (r run) result(t *testing.T) check.Result {
	t.Helper()
	r.format = "json"
	o := r.do(t)
	decoder := json.NewDecoder(strings.NewReader(o.out))
	decoder.DisallowUnknownFields()
	var result check.Result
	if err := decoder.Decode(&result); err != nil {
		t.Fatalf("%v:\n%s", err, o.out)
	}
	if result.OK != o.ok {
		t.Errorf("ok is %v, but %v was returned", result.OK, o.ok)
	}
	return result
}

func newAPI(t *testing.T, opts ...revoxtest.Option) *revoxtest.Server {
	api := revoxtest.NewServer(opts...)
	t.Cleanup(api.Close)
	return api
}

// discovered selects all campaigns of the list.
func discovered(c *collector.Config) {
	c.Discovery = &campaigns.Discovery{Interval: time.Minute, Statuses: []string{"draft", "running", "paused", "completed"}}
}

// row returns a row with a call of the given status and attempts, which are JSON objects.
func row(id, status string, attempts ...string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"id": %q, "call": {"id": "c-%s", "status": %s, "created_at": "2024-05-01T08:00:00Z", `+
		`"call_attempts": [%s]}}`, id, id, quote(status), strings.Join(attempts, ",")))
}

// talked returns a completed attempt with a result and a talk of some seconds.
func talked(result string, seconds int) string {
	start, end := exportertest.Start, exportertest.Start.Add(time.Duration(seconds)*time.Second)
	return fmt.Sprintf(`{"status": "completed", "result": %q, "started_at": %q, "answered_at": %[2]q, "ended_at": %q}`,
		result, start.Format(time.RFC3339), end.Format(time.RFC3339))
}

// undialled returns an attempt that ended with a dial error.
func undialled(dialError string) string {
	return `{"status": "error", "dial_error": ` + quote(dialError) + `}`
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// rows returns n rows without a call.
func rows(n int) []json.RawMessage {
	var out []json.RawMessage
	for i := range n {
		out = append(out, json.RawMessage(fmt.Sprintf(`{"id": "row-%d"}`, i)))
	}
	return out
}
