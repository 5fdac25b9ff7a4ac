package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/check"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// command returns the check command with arguments, and with only env in its environment.
func command(t *testing.T, env []string, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd = programtest.Command(ctx, t, env, append([]string{"check"}, args...)...)
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.SetRows("c", "Spring offer", rows(3))
	key := []string{"REVOX_API_KEY=" + revoxtest.APIKey}
	for _, test := range []struct {
		name           string
		env            []string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"read", key, []string{"--revox.base-url=" + api.URL, "--campaign.id=c"},
			0, "1 of 1 campaign read: 3 rows", `campaign c \(1 of 1\): 3 rows`},
		{"demo", nil, []string{"--demo"}, 0, "Customer survey 2", "of 6"},
		{"format in the environment", append(key, "REVOX_EXPORTER_FORMAT=json"),
			[]string{"--revox.base-url=" + api.URL, "--campaign.discover"}, 0, `"listed": 1`, "^campaign c"},
		{"not read", key, []string{"--revox.base-url=" + api.URL, "--campaign.id=c", "--campaign.id=gone"},
			1, "NOT READ", "not read: not_found"},
		{"nothing to read", key, nil, 2, "^$", "nothing to read: give --campaign.id"},
		{"no key", nil, []string{"--campaign.id=c"}, 2, "^$", "no API key"},
		{"no such format", key, []string{"--campaign.id=c", "--format=xml"}, 2, "^$", "xml"},
		{"no such base URL", key, []string{"--campaign.id=c", "--revox.base-url=nowhere"}, 2, "^$", "base URL must start with"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd, stdout, stderr := command(t, test.env, test.args...)
			_ = cmd.Run() // the exit code is checked below
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !regexp.MustCompile(test.stdout).MatchString(stdout.String()) ||
				!regexp.MustCompile(test.stderr).MatchString(stderr.String()) {
				t.Errorf("it prints\n%s\nand to stderr\n%s\nwant %q and %q", stdout, stderr, test.stdout, test.stderr)
			}
		})
	}
}

func TestInterruptEndsItSoonAndShowsWhatWasRead(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.SetRows("a", "", rows(3))
	api.SetRows("b", "", rows(3))
	api.AddFault(revoxtest.Fault{Campaign: "b", Behavior: revoxtest.Hang()})
	cmd, stdout, stderr := command(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL,
		"--campaign.id=a", "--campaign.id=b", "--revox.concurrency=1", "--format=json")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := api.WaitForRequests(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code is checked below
	var r check.Result
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v:\n%s\n%s", err, stdout, stderr)
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 || !r.Campaigns[0].OK || r.Campaigns[1].OK ||
		r.Campaigns[1].Problem.Reason != "canceled" {
		t.Errorf("exit code %d:\n%s\n%s", code, stdout, stderr)
	}
	if strings.Contains(stderr.String(), "goroutine") {
		t.Error(stderr)
	}
}

// Whatever goes wrong, neither the key nor anything that identifies a person is shown.
func TestKeyAndPersonalDataAreNotShown(t *testing.T) {
	t.Parallel()
	const key = "canary-key-6f1d"
	for name, fault := range map[string]revoxtest.Behavior{
		"none":             {},
		"cut JSON":         revoxtest.CutJSON(),
		"cut body":         revoxtest.CutBody(),
		"wrong type":       revoxtest.WrongType("status"),
		"wrong input data": revoxtest.SetField("input_data", `"+33 6 12 34 56 78"`),
		"number as result": revoxtest.SetField("result", `"+33 6 12 34 56 78"`),
		"echo of the key":  revoxtest.Status(401, http.Header{"X-Key": {key}, "Server": {key}, "Via": {key}}, key),
		"redirect with it": revoxtest.Redirect("https://elsewhere.invalid/" + key + "?key=" + key),
		"page with it":     revoxtest.Body("text/html", key),
		"trailing bytes":   revoxtest.TrailingBytes(key),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, revoxtest.WithAPIKey(key), revoxtest.WithNewerFields())
			id := sim.New(api).AddCampaign(sim.Campaign{Rows: 40, Start: time.Now().AddDate(0, 0, -3),
				Windows: []sim.Window{{Start: "00:00", End: "24:00"}}})
			if name != "none" {
				api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: fault})
			}
			for _, format := range []string{"table", "json"} {
				cmd, stdout, stderr := command(t, []string{"REVOX_API_KEY=" + key}, "--revox.base-url="+api.URL,
					"--campaign.id="+id, "--campaign.discover", "--log.level=debug", "--revox.max-retries=1", "--format="+format)
				_ = cmd.Run() // some faults make it fail
				shown := stdout.String() + stderr.String()
				personal := append(api.Personal(id), key, "+33 6 12 34 56 78")
				if len(personal) < 100 {
					t.Fatalf("only %d personal values to look for", len(personal))
				}
				for _, value := range personal {
					if strings.Contains(shown, value) {
						t.Errorf("%q is shown:\n%s", value, shown)
					}
				}
				if !strings.Contains(shown, id) {
					t.Errorf("not even the campaign's ID is shown, so this proves nothing:\n%s", shown)
				}
			}
		})
	}
}

// The variable that names a proxy is named in the result. Neither its value nor what the proxy says is shown.
func TestProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	proxy := func(answer http.HandlerFunc) string {
		s := httptest.NewServer(answer)
		t.Cleanup(s.Close)
		return strings.Replace(s.URL, "http://", "http://canary-user:canary-password@", 1)
	}
	asks := proxy(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Proxy-Authenticate", "Basic realm=canary")
		w.WriteHeader(http.StatusProxyAuthRequired)
	})
	blocks := proxy(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("canary"))
	})
	api := newAPI(t)
	api.SetRows("c", "", rows(3))
	forwards := proxy(api.Handler().ServeHTTP)
	for _, test := range []struct {
		name, variable, proxy, url string
		code                       int
		says                       string
	}{
		{"asks for a password", "HTTP_PROXY", asks, "http://revox.invalid/api",
			1, `asks for a user and password \(407\): the one that HTTP_PROXY names.*add revox.invalid to NO_PROXY`},
		{"asks for a password before TLS", "HTTPS_PROXY", asks, "https://revox.invalid/api",
			1, `HTTPS_PROXY names refused to connect, with 407 Proxy Auth.*\n.*asks for a user and password \(407\): the one that HTTPS_PROXY`},
		{"lets nothing through", "https_proxy", blocks, "https://revox.invalid/api",
			1, `https_proxy names refused to connect, with 403 Forbidden.*\n.*does not let requests through \(403\): the one that https_proxy`},
		{"answers itself", "http_proxy", blocks, "http://revox.invalid/api",
			1, `proxy, firewall or login page is in the way. Requests go through the proxy that http_proxy names`},
		{"is not there", "HTTP_PROXY", "http://127.0.0.1:1", "http://revox.invalid/api",
			1, `proxy that HTTP_PROXY names cannot be reached: check its scheme, host and port there, or add revox.invalid to NO_PROXY`},
		{"is not there, before TLS", "HTTPS_PROXY", "http://127.0.0.1:1", "https://revox.invalid/api",
			1, `proxy that HTTPS_PROXY names cannot be reached`},
		{"has a name that is not known", "HTTP_PROXY", "http://canary.invalid:3128", "http://revox.invalid/api",
			1, `proxy that HTTP_PROXY names cannot be reached`},
		{"forwards", "HTTP_PROXY", forwards, "http://revox.invalid/api",
			0, `! Requests go through the proxy that HTTP_PROXY names\.\n! The base URL .*by the proxy that HTTP_PROXY`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd, stdout, stderr := command(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey, test.variable + "=" + test.proxy},
				"--revox.base-url="+test.url, "--campaign.id=c", "--revox.max-retries=0")
			_ = cmd.Run() // the exit code is checked below
			code := cmd.ProcessState.ExitCode()
			if code != test.code || !regexp.MustCompile(test.says).MatchString(stdout.String()) {
				t.Errorf("exit code %d, want %d with %q:\n%s\n%s", code, test.code, test.says, stdout, stderr)
			}
			shown := stdout.String() + stderr.String()
			if strings.Contains(shown, "canary") || strings.Contains(shown, "127.0.0.1") {
				t.Errorf("the proxy's URL, password or text is shown:\n%s", shown)
			}
			warned := strings.Count(stderr.String(), "by the proxy that "+test.variable+" names")
			if strings.HasPrefix(test.url, "http:") != (warned == 1) {
				t.Errorf("%d warnings that the proxy sees the key:\n%s", warned, stderr)
			}
		})
	}
}

func TestTerminals(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	t.Setenv("NO_COLOR", "")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	t.Setenv("TERM", "xterm")
	for name, f := range map[string]*os.File{"file": file, "pipe": write, "the null device": null} {
		if n := check.Terminal(f); n != 0 || check.Progress(f) != nil {
			t.Errorf("%s is taken for a terminal of %d columns", name, n)
		}
	}
	if n := check.Terminal(terminal); n != 80 { // it does not say how many
		t.Errorf("a terminal has %d columns", n)
	}
	if check.Progress(terminal) == nil || !check.Colours() {
		t.Error("a terminal that can draw is taken for one that cannot")
	}
	t.Setenv("NO_COLOR", "1")
	if check.Progress(terminal) == nil || check.Colours() {
		t.Error("NO_COLOR is not obeyed, or taken for more than it says")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if check.Progress(terminal) != nil || check.Colours() {
		t.Error("a terminal that cannot draw is taken for one that can")
	}
}
