// Package privacy tests that the program shows neither the API key nor anything about the people who are called.
package privacy

import (
	"os"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

// process is the running program.
type process struct{ *programtest.Process }

// start starts the program with every line that it can log.
func start(t *testing.T, env []string, args ...string) process {
	t.Helper()
	return process{programtest.Start(t, env, append(args, "--log.level=debug")...)}
}

// body returns an answer's body, whatever its status.
func (p process) body(path string, header ...string) string {
	_, body := p.Get(path, header...)
	return body
}

// await returns when the metrics have a line.
func (p process) await(line string) {
	p.Await("there is "+line, func() bool { return strings.Contains(p.body("/metrics"), line+"\n") })
}
