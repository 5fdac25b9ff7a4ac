package operations

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// A key file that changes or cannot be read is logged once for each change, and the key never.
func TestChangedKeyIsLogged(t *testing.T) {
	t.Parallel()
	key := file(t, "key", "canary-first\n")
	api := revoxtest.NewServer(revoxtest.WithAPIKey("canary-first"))
	t.Cleanup(api.Close)
	both := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "canary-second", "canary-first", 1))
		api.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(both.Close)
	for i := range 8 { // some at once
		api.SetRows(fmt.Sprint("c-", i), "", nil)
	}
	p := programtest.Start(t, nil, "--revox.base-url="+both.URL+"/api", "--campaign.discover", "--revox.api-key-file="+key, "--scan.interval=1s",
		"--log.level=debug")
	p.Ready()
	lines := func(expr string) int { return len(regexp.MustCompile(expr).FindAllString(p.Log(), -1)) }
	changes := func() int {
		return lines(`level=info .*msg="the API key has changed: the new one is used from now on" file=\S*/key\n`)
	}
	const unreadable = `level=warn .*msg="the API key file cannot be read: the last key stays in use, until a restart" ` +
		`file=\S*/key err="reading the API key file: open \S*/key: no such file or directory"\n`
	const readable = `level=info .*msg="the API key file can be read again, and has the same key" file=\S*/key\n`
	scans := func(n int) { // returns when n more have been made
		t.Helper()
		asked := api.RequestCount()
		p.Await("it scans", func() bool { return api.RequestCount() >= asked+n })
	}
	scans(16)
	if n := changes(); n != 0 {
		t.Errorf("%d changes are logged before the first:\n%s", n, p.Log())
	}
	file(t, key, " canary-second ")
	p.Await("the change is logged", func() bool { return changes() == 1 })
	file(t, key, "canary-second\n") // only its white space changes
	scans(16)
	if err := os.Remove(key); err != nil { // the last one stays in use
		t.Fatal(err)
	}
	scans(16)
	if n := lines(unreadable); n != 1 || lines(readable) != 0 {
		t.Errorf("%d times it is logged that the file cannot be read, want 1:\n%s", n, p.Log())
	}
	file(t, key, "canary-second")
	p.Await("it is logged that the file can be read again", func() bool { return lines(readable) == 1 })
	scans(16)
	if n := changes(); n != 1 || lines(unreadable) != 1 || lines(readable) != 1 {
		t.Errorf("%d changes are logged, want 1:\n%s", n, p.Log())
	}
	p.Terminate()
	if strings.Contains(p.Log(), "canary") {
		t.Errorf("the key is logged:\n%s", p.Log())
	}
}

// The demo says where it can be looked at, as soon as that is true: where it listens, with the right scheme and path.
func TestDemoSaysWhereToLook(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	config := file(t, "web.yml", fmt.Sprintf("tls_server_config:\n  cert_file: %s\n  key_file: %s\n", cert, key))
	look := regexp.MustCompile(`msg="demo: simulated campaigns; look at (\S+)"`)
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "http://ADDRESS/"},
		{[]string{"--web.route-prefix=/revox"}, "http://ADDRESS/revox/"},
		{[]string{"--web.config.file=" + config}, "https://ADDRESS/"},
	} {
		p := programtest.Start(t, nil, append(test.args, "--demo")...)
		p.Await("it says where", func() bool { return look.MatchString(p.Log()) })
		if got, want := look.FindStringSubmatch(p.Log())[1], strings.Replace(test.want, "ADDRESS", p.Address, 1); got != want {
			t.Errorf("%v: it says %s, want %s", test.args, got, want)
		}
		p.Terminate()
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	code, said := programtest.Run(t, nil, "--demo", "--web.listen-address="+taken.Addr().String())
	if code != 1 || strings.Contains(said, "look at") {
		t.Errorf("exit code %d, and without a port it says\n%s", code, said)
	}
}

// A log whose reader is stuck, or gone, stops nothing: the program serves, scans go on, and SIGTERM ends it.
func TestLogThatIsNotReadStopsNothing(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, read, write *os.File){
		"a full pipe": func(t *testing.T, _, write *os.File) {
			if err := fill(write); err != nil {
				t.Fatal(err)
			}
		},
		"a closed pipe": func(_ *testing.T, read, _ *os.File) { read.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI(t)
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			defer write.Close()
			spoil(t, read, write)
			address := programtest.FreeAddress(t)
			cmd := programtest.Command(t.Context(), t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL, "--campaign.id=a",
				"--scan.interval=1s", "--log.level=debug", "--web.listen-address="+address)
			cmd.Stderr = write
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			defer func() { _ = cmd.Process.Kill() }()

			// It serves, and goes on scanning.
			asked := 0
			for deadline := time.Now().Add(programtest.Patience); asked < 3; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d requests were made", asked)
				}
				if serves("http://" + address + "/-/ready") {
					asked = api.RequestCount()
				}
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("it ended with %v, want exit code 0", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("SIGTERM did not end it")
			}
		})
	}
}

// fill fills a pipe, so that each further write to it waits for ever.
func fill(write *os.File) error {
	fd := int(write.Fd()) // once: each call makes it blocking
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	for size := 4096; size > 0; size /= 2 {
		for err := error(nil); err == nil; { // until no such piece fits in
			_, err = syscall.Write(fd, make([]byte, size))
		}
	}
	return syscall.SetNonblock(fd, false)
}

// stuck returns a pipe that is full and that nobody reads.
func stuck(t *testing.T) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { read.Close(); write.Close() })
	return write, fill(write)
}

// SIGTERM ends every command within 5 s although nobody reads what it prints.
func TestOutputThatIsNotReadStopsNoSIGTERM(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	var commands sync.WaitGroup
	for _, args := range []string{
		"--help", "--version", "--help-man", "--completion-script-bash", "--completion-bash", "check --help",
		"--bogus", "--scan.interval=often", "--campaign.id=..", "--revox.base-url=nowhere --campaign.id=a", "healthcheck --bogus",
		"check --campaign.id=a --revox.base-url=" + api.URL, "check --campaign.id=a --revox.page-size=0",
	} {
		commands.Go(func() {
			for wait := 50 * time.Millisecond; terminatedTooEarly(t, wait, strings.Fields(args)); wait *= 2 {
			}
		})
	}
	commands.Wait()
}

// endsWithin is how soon the process ends after SIGTERM.
const endsWithin = 5 * time.Second

// terminatedTooEarly starts a command whose output is stuck, sends SIGTERM after a wait, and fails the test unless the command
// then ends in time. It reports whether the signal came before the command had begun, which shows nothing.
func terminatedTooEarly(t *testing.T, wait time.Duration, args []string) bool {
	cmd := programtest.Command(t.Context(), t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, args...)
	out, err := stuck(t)
	if err != nil {
		t.Error(err)
		return false
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return false
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // how it ended is checked below
	select {
	case <-ended:
		t.Errorf("%q ended by itself, so this proves nothing: %s", args, cmd.ProcessState)
		return false
	case <-time.After(wait):
	}
	begin := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM) // if it has ended, that is seen below
	select {
	case <-ended:
	case <-time.After(2 * endsWithin):
		_ = cmd.Process.Kill()
		<-ended
	}
	if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM {
		return true
	}
	if took := time.Since(begin); took > endsWithin || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%q, %s after SIGTERM: %s", args, took, cmd.ProcessState)
	}
	return false
}

func serves(url string) bool {
	resp, err := http.Get(url) //nolint:gosec // our own
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}
