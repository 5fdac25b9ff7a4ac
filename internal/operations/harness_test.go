// Package operations holds the program, as a user has it, against what an operator does to it: signals, reloads, probes.
package operations

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// binary is the program.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "revox_exporter")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "revox_exporter")
		if out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// patience is how long a test waits for what should come soon, before it fails.
const patience = 30 * time.Second

// process is the running program.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string // where it listens
	health  string // where its second listener does, "" without one
	client  *http.Client
	done    chan struct{} // closed when it has said its last

	mu   sync.Mutex
	logs strings.Builder
}

var (
	listensOn     = regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	listensHealth = regexp.MustCompile(`msg="the health endpoints are .*" address=(\S+)`)
)

// newAPI starts a simulated API with campaigns a and b, of a few rows each.
func newAPI(t *testing.T) *revoxtest.Server {
	api := revoxtest.NewServer()
	t.Cleanup(api.Close)
	for _, id := range []string{"a", "b"} {
		api.AddCampaign(revoxtest.Campaign{ID: id, Rows: 5, Weight: revoxtest.Light})
	}
	return api
}

// run starts the program on a free port, to read the API, and returns when it listens; it is killed when the test ends.
func run(t *testing.T, api *revoxtest.Server, args ...string) *process {
	t.Helper()
	p := &process{t: t, done: make(chan struct{}), client: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}, //nolint:gosec // its own certificate
	}}
	p.cmd = exec.Command(binary, append(args, "--web.listen-address=127.0.0.1:0", "--revox.base-url="+api.URL)...)
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "REVOX_API_KEY=" + revoxtest.APIKey}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = write, write
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	listens := make(chan struct{})
	go func() {
		defer close(p.done)
		defer read.Close()
		for lines := bufio.NewScanner(read); lines.Scan(); {
			p.mu.Lock()
			p.logs.WriteString(lines.Text() + "\n")
			if m := listensHealth.FindStringSubmatch(lines.Text()); m != nil {
				p.health = m[1]
			}
			m := listensOn.FindStringSubmatch(lines.Text())
			if m != nil {
				p.address = m[1]
			}
			p.mu.Unlock()
			if m != nil {
				close(listens)
			}
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.done
		_ = p.cmd.Wait()
	})
	select {
	case <-listens:
	case <-p.done:
		t.Fatalf("it ended by itself:\n%s", p.said())
	case <-time.After(patience):
		t.Fatalf("it does not listen:\n%s", p.said())
	}
	return p
}

// said returns what the process has printed.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logs.String()
}

// ask returns an answer's status and body; change may alter the request.
func (p *process) ask(method, url string, change func(*http.Request)) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.said())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// get asks the main listener, without TLS.
func (p *process) get(path string) (int, string) {
	p.t.Helper()
	return p.ask(http.MethodGet, "http://"+p.address+path, nil)
}

// await returns when a condition that is about to come true has.
func (p *process) await(what string, condition func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain until %s:\n%s", what, p.said())
		}
	}
}

// reads waits until these campaigns and no others are shown to be up.
func (p *process) reads(ids ...string) {
	p.t.Helper()
	p.await(fmt.Sprintf("campaigns %v are read", ids), func() bool {
		_, metrics := p.get("/metrics")
		for _, id := range ids {
			if !strings.Contains(metrics, fmt.Sprintf("revox_campaign_up{campaign_id=%q} 1\n", id)) {
				return false
			}
		}
		return strings.Count(metrics, "\nrevox_campaign_up{") == len(ids)
	})
}

// terminate sends SIGTERM, and fails the test unless the process then ends in peace within 5 s.
func (p *process) terminate() {
	p.t.Helper()
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	<-p.done
	_ = p.cmd.Wait() // its exit code is looked at
	if code, took := p.cmd.ProcessState.ExitCode(), time.Since(begin); code != 0 || took > 5*time.Second {
		p.t.Errorf("exit code %d after %s:\n%s", code, took, p.said())
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// file writes a file and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.TempDir(), name)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
