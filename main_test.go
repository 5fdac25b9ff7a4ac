package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/internal/usage"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

// Errors that show only when the process starts to serve end it with exit code 1.
func TestFailureToServeSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	badConfig := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(badConfig, []byte("tls: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, pipeCert := filepath.Join(dir, "pipe"), filepath.Join(dir, "cert.yml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pipeCert, []byte("tls_server_config: {cert_file: pipe, key_file: pipe}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	const listen = "--web.listen-address=127.0.0.1:0"
	for _, test := range []struct {
		name string
		args []string
		says string
	}{
		{"the port is taken", []string{"--web.listen-address=" + taken.Addr().String()},
			"cannot serve.*address already in use"},
		{"the port of the health endpoints is taken",
			[]string{listen, "--web.health-listen-address=" + taken.Addr().String()},
			"cannot serve at --web.health-listen-address.*address already in use"},
		{"there is no web config file", []string{listen, "--web.config.file=" + filepath.Join(dir, "none")},
			"cannot serve.*no such file"},
		{"the web config file is a pipe", []string{listen, "--web.config.file=" + pipe},
			"cannot serve.*--web.config.file.*pipe: not a regular file"},
		{"the web config file is a device without end", []string{listen, "--web.config.file=/dev/zero"},
			"cannot serve.*--web.config.file.*/dev/zero: not a regular file"},
		{"the certificate is a pipe", []string{listen, "--web.config.file=" + pipeCert},
			"cannot serve.*--web.config.file.*the file that cert_file of .* names: not a regular file"},
		{"the web config file is not YAML", []string{listen, "--web.config.file=" + badConfig},
			"cannot serve.*--web.config.file.*web.yml cannot be parsed at line 1: compare"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, out := programtest.Run(t, []string{"REVOX_API_KEY=canary-key"},
				append(test.args, "--campaign.id=c", "--revox.base-url=http://127.0.0.1:1")...)
			if code != exitFailure || len(regexp.MustCompile(`(?m)^.*`+test.says+`.*$`).FindAllString(out, -1)) != 1 {
				t.Errorf("exit code %d, want %d and one line with %q:\n%s", code, exitFailure, test.says, out)
			}
			if strings.Contains(out, "canary-key") || strings.Contains(out, "goroutine ") {
				t.Errorf("the key or a stack trace is shown:\n%s", out)
			}
		})
	}
}

func TestDemoServesEveryMetricWithinSeconds(t *testing.T) {
	p := programtest.Start(t, nil, "--demo")
	p.Ready()
	_, metrics := p.Get("/metrics")
	for _, family := range []string{
		"revox_campaign_info", "revox_campaign_status", "revox_campaign_max_concurrent_calls", "revox_campaign_rows",
		"revox_campaign_rows_without_call", "revox_campaign_rows_missing", "revox_campaign_calls",
		"revox_campaign_call_attempts", "revox_campaign_anomalies", "revox_campaign_scan_requests",
		"revox_campaign_calls_finished_total", "revox_campaign_call_outcomes_total",
		"revox_campaign_call_attempts_finished_total", "revox_campaign_call_attempt_results_total",
		"revox_campaign_call_attempt_dial_errors_total", "revox_campaign_call_attempt_ended_by_total",
		"revox_campaign_call_attempt_end_reasons_total", "revox_campaign_decreases_total",
		"revox_campaign_call_attempt_duration_seconds", "revox_campaign_call_attempt_ring_duration_seconds",
		"revox_campaign_call_attempt_talk_duration_seconds", "revox_campaign_call_resolution_duration_seconds",
		"revox_campaign_call_attempts_per_call", "revox_campaign_up", "revox_campaign_last_scan_success_timestamp_seconds",
		"revox_campaign_scan_duration_seconds", "revox_campaign_scan_failures_total", "revox_discovery_up",
		"revox_discovery_last_success_timestamp_seconds", "revox_api_requests_total", "revox_api_request_duration_seconds",
		"revox_api_response_bytes_total", "revox_api_retries_total", "revox_exporter_build_info",
		"revox_exporter_unknown_values_total", "revox_campaign_assistant_info", "revox_campaign_tool_calls_total",
		"revox_campaign_tool_errors_total", "revox_campaign_call_attempt_turns",
	} {
		series := regexp.MustCompile(`(?m)^` + family + `(_bucket)?(\{.*\})? \S+$`)
		if n := len(series.FindAllString(metrics, -1)); n == 0 {
			t.Errorf("no series of %s", family)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^revox_campaign_up\{.*\} 1$`).FindAllString(metrics, -1)); n < 3 {
		t.Errorf("%d campaigns, want several", n)
	}
	if !regexp.MustCompile(`(?m)^revox_campaign_tool_errors_total\{.*tool_name="find_appointment"\} [1-9]`).MatchString(metrics) {
		t.Error("no tool of any campaign fails")
	}
	problems, err := promlint.New(strings.NewReader(metrics)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Errorf("the linter finds %v", problems)
	}
	code, page := p.Get("/")
	if code != http.StatusOK || !strings.Contains(page, programtest.Version) || !strings.Contains(page, `href="./metrics"`) {
		t.Errorf("landing page: %d\n%s", code, page)
	}
	if code, _ := p.Get("/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere answered %d", code)
	}
	if code, _ := p.Get("/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("profiles are served without --web.enable-pprof: %d", code)
	}
	p.Terminate()
}

// Whatever goes wrong, neither the key nor anything that identifies a person is shown anywhere.
func TestKeyAndPersonalDataAreShownNowhere(t *testing.T) {
	const key = "canary-key-6f1d"
	faults := map[string]revoxtest.Behavior{
		"none":             {},
		"cut JSON":         revoxtest.CutJSON(),
		"cut body":         revoxtest.CutBody(),
		"wrong type":       revoxtest.WrongType("status"),
		"wrong input data": revoxtest.SetField("input_data", `"+33 6 12 34 56 78"`),
		"echo of the key":  revoxtest.Status(401, http.Header{"X-Key": {key}}, key),
		"redirect with it": revoxtest.Redirect("https://elsewhere.invalid/" + key + "?key=" + key),
		"trailing bytes":   revoxtest.TrailingBytes(key),
		"not HTTP":         revoxtest.Body("text/plain", key),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := revoxtest.NewServer(revoxtest.WithAPIKey(key), revoxtest.WithNewerFields())
			defer api.Close()
			id := sim.New(api).AddCampaign(sim.Campaign{Rows: 40, Start: time.Now().AddDate(0, 0, -3),
				Windows: []sim.Window{{Start: "00:00", End: "24:00"}}})
			if name != "none" {
				api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: fault})
			}
			p := programtest.Start(t, []string{"REVOX_API_KEY=" + key}, "--revox.base-url="+api.URL, "--campaign.id="+id,
				"--campaign.discover", "--log.level=debug", "--web.enable-pprof", "--revox.max-retries=1")
			p.Ready()
			var shown strings.Builder
			for _, path := range []string{
				"/metrics", "/", "/-/ready", "/-/healthy", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2",
			} {
				_, body := p.Get(path)
				shown.WriteString(body)
			}
			_, protobuf := p.Get("/metrics", "Accept",
				"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
			shown.WriteString(protobuf)
			p.Terminate()
			shown.WriteString(p.Log())

			personal := append(api.Personal(id), key)
			if len(personal) < 100 {
				t.Fatalf("only %d personal values to look for", len(personal))
			}
			for _, value := range personal {
				if strings.Contains(shown.String(), value) {
					t.Errorf("%q is shown", value)
				}
			}
			if !strings.Contains(shown.String(), id) {
				t.Error("not even the campaign's ID is shown, so this proves nothing")
			}
		})
	}
}

func TestStartsAndStaysUpWhileTheAPIIsDown(t *testing.T) {
	p := programtest.Start(t, []string{"REVOX_API_KEY=k"}, "--revox.base-url=http://127.0.0.1:1/api", "--campaign.id=c",
		"--revox.max-retries=0")
	p.Ready()
	if _, metrics := p.Get("/metrics"); !strings.Contains(metrics, "revox_campaign_up{campaign_id=\"c\"} 0\n") ||
		!strings.Contains(metrics, `revox_campaign_scan_failures_total{campaign_id="c",reason="connection"} 1`) {
		t.Errorf("metrics:\n%s", metrics)
	}
	if _, page := p.Get("/"); !strings.Contains(page, "connection refused") {
		t.Errorf("the landing page does not say what is wrong:\n%s", page)
	}
	if code, _ := p.Get("/-/healthy"); code != http.StatusOK {
		t.Errorf("not healthy: %d", code)
	}
}

func TestEndsSoonDuringAScan(t *testing.T) {
	api := revoxtest.NewServer()
	defer api.Close()
	api.SetRows("c", "", nil)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	for _, interval := range []string{"1m", "0"} {
		asked := api.RequestCount()
		p := programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL,
			"--campaign.id=c", "--scan.interval="+interval)
		ctx, cancel := context.WithTimeout(context.Background(), programtest.Patience)
		if err := api.WaitForRequests(ctx, asked+1); err != nil {
			t.Fatal(err)
		}
		cancel()
		p.Terminate()
	}
}

func TestHelpAndVersion(t *testing.T) {
	for arg, wants := range map[string][]string{
		"--version": {"revox_exporter, version " + programtest.Version},
		"--help":    {"--campaign.id", "REVOX_EXPORTER_CAMPAIGN_ID", "serve"},
	} {
		env := []string{"REVOX_EXPORTER_VERSION=1.2.3", "REVOX_EXPORTER_HELP=x"}
		out, err := programtest.Command(t.Context(), t, env, arg).Output()
		if err != nil {
			t.Errorf("%s: %v", arg, err)
		}
		for _, want := range wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s does not print %q:\n%s", arg, want, out)
			}
		}
	}
}

func TestHelpThatNobodyReads(t *testing.T) {
	for _, arg := range []string{"--help", "--help-long", "--help-man"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd := programtest.Command(t.Context(), t, nil, arg)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = w, &said
		err = cmd.Run()
		w.Close()
		if err != nil || said.Len() > 0 {
			t.Errorf("%s: %v, %q", arg, err, said.String())
		}
	}
}

var update = flag.Bool("update", false, "write docs/flags.md again")

// docs/flags.md is generated from the program, so that it cannot drift.
func TestFlagsReference(t *testing.T) {
	// Show the program's own defaults, whatever the environment of the test is.
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "REVOX_") {
			t.Setenv(name, "")
		}
	}
	const path = "docs/flags.md"
	want := flagsReference(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Errorf("%s is not up to date; run: go test . -run FlagsReference -update", path)
	}
}

// docs/metrics.md, which is generated from the collector, has the metrics of the whole program.
func TestMetricsOfTheProgramAreInTheReference(t *testing.T) {
	list := filepath.Join(t.TempDir(), "campaigns.yml") // for the metrics of campaign files
	if err := os.WriteFile(list, []byte(`[{"match": ".*", "labels": {"team": "sales"}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	api := sim.NewDemo() // --demo keeps no state, and so lacks the metrics about it
	t.Cleanup(api.Close)
	// Whether an attempt of the demo is under way depends on the hour.
	api.SetRows("calling", "Calling", []json.RawMessage{json.RawMessage(`{"id": "r", "call": {"id": "c", "status": "calling",
		"call_attempts": [{"id": "a", "status": "ongoing", "started_at": "2024-05-01T08:00:00Z"}]}}`)})
	p := programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL,
		"--campaign.discover", "--campaign.file="+list, "--state.path="+t.TempDir())
	p.Ready()
	_, metrics := p.Get("/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(metrics))
	if err != nil {
		t.Fatal(err)
	}
	shown := slices.Sorted(maps.Keys(families))
	shown = slices.DeleteFunc(shown, func(name string) bool { return !strings.HasPrefix(name, "revox_") })
	reference, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, heading := range regexp.MustCompile("(?m)^### `(revox_\\w+)`$").FindAllStringSubmatch(string(reference), -1) {
		written = append(written, heading[1])
	}
	slices.Sort(written)
	if !slices.Equal(written, shown) {
		t.Errorf("docs/metrics.md has\n%s\nThe program has\n%s", strings.Join(written, "\n"), strings.Join(shown, "\n"))
	}
}

// flagGroups are the headings of docs/flags.md, by the first word of a flag.
var flagGroups = []struct{ prefix, title string }{
	{"revox", "The API"}, {"campaign", "Which campaigns"}, {"scan", "Scans"}, {"shard", "Shards"}, {"state", "State"},
	{"demo", "Demo"}, {"web", "Web server"}, {"log", "Log"},
}

const flagsIntroduction = "# Flags\n\n" +
	"This page is generated from the code. Each flag can also be given as an environment variable; repeatable ones take one\n" +
	"value per line. `REVOX_API_KEY` and `REVOX_BASE_URL` are read too.\n\n" +
	"[Operations](operations.md) explains what flags are for. [`check`](check.md) takes the same ones. They are a public interface:\n" +
	"[CHANGELOG.md](../CHANGELOG.md) records every change.\n\n" +
	"`--help` prints this list, `--version` the version, and `--help-man` the manual page. `--completion-script-bash` and\n" +
	"`--completion-script-zsh` print shell completion.\n\n" +
	"| exit code | meaning |\n|---|---|\n| 0 | ended by SIGTERM or SIGINT |\n| 1 | could not start |\n| 2 | wrong usage |\n"

func flagsReference(t *testing.T) string {
	app, _ := newApp()
	if _, err := usage.Parse(app, []string{"--demo"}); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(flagsIntroduction)
	written := map[string]bool{"help": true, "version": true}
	for _, group := range flagGroups {
		fmt.Fprintf(&b, "\n## %s\n\n| flag | default | environment variable | meaning |\n|---|---|---|---|\n", group.title)
		for _, f := range app.Model().Flags {
			if word, _, _ := strings.Cut(f.Name, "."); word != group.prefix || f.Hidden {
				continue
			}
			written[f.Name] = true
			var defaults []string
			if f.IsBoolFlag() {
				defaults = []string{"off"}
			}
			for _, d := range f.Default {
				if d != "" {
					defaults = append(defaults, "`"+d+"`")
				}
			}
			fmt.Fprintf(&b, "| `--%s` | %s | `%s` | %s |\n", f.Name, strings.Join(defaults, " "), f.Envar, f.Help)
		}
	}
	for _, f := range app.Model().Flags {
		if !f.Hidden && !written[f.Name] {
			t.Errorf("--%s is in none of flagGroups", f.Name)
		}
	}
	return b.String()
}
