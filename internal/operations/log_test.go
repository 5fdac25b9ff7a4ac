package operations

import (
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

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
