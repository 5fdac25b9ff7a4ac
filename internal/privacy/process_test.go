package privacy

import (
	"bufio"
	"bytes"
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
)

// binary is the program, as a user has it, and help what it says of its flags.
var binary, help string

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
		out, err := exec.Command(binary, "--help").CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		help = string(out)
		return m.Run()
	}())
}

// patience is how long a test waits for what should come soon, before it fails.
const patience = time.Minute

// process is the running program.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	done chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

var listensOn = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// start starts the program with nothing in its environment but env, and returns when it listens.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, done: make(chan struct{})}
	p.cmd = exec.Command(binary, append(args, "--web.listen-address=127.0.0.1:0", "--log.level=debug")...)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = write, write
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	address := make(chan string, 1)
	go func() {
		defer close(p.done)
		defer read.Close()
		lines := bufio.NewReader(read)
		for {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.text.WriteString(line)
			p.mu.Unlock()
			if found := listensOn.FindStringSubmatch(line); found != nil {
				address <- found[1]
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	select {
	case a := <-address:
		p.url = "http://" + a
	case <-p.done:
		t.Fatalf("it ended by itself:\n%s", p.log())
	case <-time.After(patience):
		t.Fatalf("it does not listen:\n%s", p.log())
	}
	return p
}

// end sends a signal and returns when the program has ended and all that it said is in the log.
func (p *process) end(signal os.Signal) {
	_ = p.cmd.Process.Signal(signal) // it may have ended
	<-p.done
	_ = p.cmd.Wait() // its exit code does not matter
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *process) get(path string, header ...string) string {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(body)
}

// await returns when the metrics have a line.
func (p *process) await(line string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.get("/metrics"), line+"\n"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("there is no %s\n%s", line, p.log())
		}
	}
}
