package programtest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits before it fails.
const Patience = 3 * time.Minute

// Command returns the program with arguments, and with only PATH and env in its environment. It is killed when ctx ends.
func Command(ctx context.Context, t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, Path(t), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// Run runs the program as Command does until it ends, and returns its exit code and all that it has printed.
func Run(t testing.TB, env []string, args ...string) (code int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := Command(ctx, t, env, args...)
	text, _ := cmd.CombinedOutput() // its error is the exit code
	return cmd.ProcessState.ExitCode(), string(text)
}

// FreeAddress returns an address of this machine that nobody listens at.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Process is the program while it serves.
type Process struct {
	// Address is where it listens, as host:port. URL is the same as a URL.
	Address, URL string

	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{} // closed when it has printed its last line

	mu   sync.Mutex
	said strings.Builder
}

var listensOn = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// Start starts the program as Command does, on a free port, and returns when it listens. It is killed when the test
// ends.
func Start(t testing.TB, env []string, args ...string) *Process {
	t.Helper()
	return StartCommand(t, Command(context.Background(), t, env, append(args, "--web.listen-address=127.0.0.1:0")...))
}

// StartCommand is Start for a command that starts the program.
func StartCommand(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	write.Close()
	if err != nil {
		read.Close()
		t.Fatal(err)
	}
	p := &Process{t: t, cmd: cmd, done: make(chan struct{})}
	address := make(chan string, 1)
	go func() {
		defer close(p.done)
		defer read.Close()
		for lines := bufio.NewReader(read); ; {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.said.WriteString(line)
			p.mu.Unlock()
			if found := listensOn.FindStringSubmatch(line); found != nil {
				select {
				case address <- found[1]:
				default: // only the first listener matters
				}
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { p.End(syscall.SIGKILL) })
	select {
	case p.Address = <-address:
		p.URL = "http://" + p.Address
	case <-p.done:
		t.Fatalf("it ended by itself:\n%s", p.Log())
	case <-time.After(Patience):
		t.Fatalf("it does not listen:\n%s", p.Log())
	}
	return p
}

// Log returns what the program has printed so far.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// Get returns an answer's status and body. header has names and values in turn.
func (p *Process) Get(path string, header ...string) (code int, body string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.URL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return p.Ask(http.DefaultClient, req)
}

// Ask returns an answer's status and body.
func (p *Process) Ask(client *http.Client, req *http.Request) (code int, body string) {
	p.t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.Log())
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// Await returns when a condition is true, and fails the test if that takes too long. what describes the condition.
func (p *Process) Await(what string, condition func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(Patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("still not after %s: %s\n%s", Patience, what, p.Log())
		}
	}
}

// Ready returns when the first scans have ended.
func (p *Process) Ready() {
	p.t.Helper()
	p.Await("it is ready", func() bool { code, _ := p.Get("/-/ready"); return code == http.StatusOK })
}

// PID returns the process ID of the program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to the program, which must be running.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// End sends a signal and returns when the program has ended and the log is complete. It may have ended before.
func (p *Process) End(s os.Signal) {
	_ = p.cmd.Process.Signal(s)
	<-p.done
	_ = p.cmd.Wait() // its exit code does not matter
}

// Terminate sends SIGTERM, and fails the test unless the program then ends within 5 s with exit code 0.
func (p *Process) Terminate() {
	p.t.Helper()
	begin := time.Now()
	p.Signal(syscall.SIGTERM)
	<-p.done
	_ = p.cmd.Wait() // the exit code is checked below
	if code, took := p.cmd.ProcessState.ExitCode(), time.Since(begin); code != 0 || took > 5*time.Second {
		p.t.Errorf("exit code %d after %s:\n%s", code, took, p.Log())
	}
}
