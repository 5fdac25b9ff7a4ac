package operations

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
)

// healthcheck returns the command that asks the listener at an address. It is killed after a while.
func healthcheck(t *testing.T, address string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*endsWithin)
	t.Cleanup(cancel)
	return programtest.Command(ctx, t, nil, "healthcheck", "--web.listen-address="+address)
}

// silent returns the address of a listener that accepts connections and sends nothing.
func silent(t *testing.T) (address string, connected <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		if conn, err := listener.Accept(); err == nil {
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return listener.Addr().String(), accepted
}

// An answer that hands the connection over ends the health check, which shows nothing of it.
func TestHealthCheckOfSwitchingProtocols(t *testing.T) {
	t.Parallel()
	cmd := healthcheck(t, strings.TrimPrefix(badserver.Switching(t), "http://"))
	out, _ := cmd.CombinedOutput() // the exit code is checked below
	if cmd.ProcessState.ExitCode() != 1 || !bytes.Contains(out, []byte("the answer is 101")) || bytes.Contains(out, []byte("canary")) {
		t.Errorf("%s:\n%s", cmd.ProcessState, out)
	}
}

// SIGTERM ends a health check that waits for an answer.
func TestHealthCheckEndsAtSIGTERM(t *testing.T) {
	t.Parallel()
	address, connected := silent(t)
	cmd := healthcheck(t, address)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-connected
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code is checked below
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("%s:\n%s", cmd.ProcessState, &out)
	}
}

// A health check ends within its own limit, though the listener is silent and nobody reads what it prints.
func TestHealthCheckEndsByItself(t *testing.T) {
	t.Parallel()
	unread, err := stuck(t)
	if err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]io.Writer{"read": &bytes.Buffer{}, "not read": unread} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := silent(t)
			cmd := healthcheck(t, address)
			cmd.Stdout, cmd.Stderr = out, out
			_ = cmd.Run() // the exit code is checked below
			if cmd.ProcessState.ExitCode() != 1 {
				t.Error(cmd.ProcessState)
			}
		})
	}
}
