package operations

import (
	"io"
	"net"
	"net/http"
	"os"
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
			fd := int(write.Fd()) // once: each call makes it blocking
			if err := syscall.SetNonblock(fd, true); err != nil {
				t.Fatal(err)
			}
			for {
				if _, err := syscall.Write(fd, make([]byte, 4096)); err != nil {
					break // it is full
				}
			}
			if err := syscall.SetNonblock(fd, false); err != nil {
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
			address := freeAddress(t)
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

func serves(url string) bool {
	resp, err := http.Get(url) //nolint:gosec // our own
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// freeAddress returns an address of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
