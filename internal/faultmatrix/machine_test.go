//go:build !race

package faultmatrix

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/apikey"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// machineFault is a fault of the machine on which the exporter runs. Both campaigns meet it, whatever page is read.
type machineFault struct {
	setUp       func(*world, *collector.Config) // before the fault
	begin, mend func(*world)
}

func machineFaults() []fault {
	return []fault{
		{name: "the reader of the log is stuck", reason: accepted, machine: &machineFault{
			setUp: func(w *world, c *collector.Config) {
				w.logs = &gate{to: &exportertest.Logs{}}
				sink := logging.NewSink(w.logs)
				w.t.Cleanup(sink.Close)
				c.Logger = logging.New(sink, "debug", "logfmt")
			},
			begin: func(w *world) { w.logs.mu.Lock() },
			mend:  func(w *world) { w.logs.mu.Unlock() },
		}},
		{name: "the key file becomes a pipe", reason: accepted, machine: &machineFault{
			setUp: func(w *world, c *collector.Config) {
				w.writeFile(revoxtest.APIKey)
				key := apikey.LogChanges(revoxapi.NewKeyFile(w.file), w.file, c.Logger)
				if _, err := key.Key(); err != nil { // the program reads it before it starts
					w.t.Fatal(err)
				}
				c.Key = key
			},
			begin: (*world).makePipe,
			mend:  func(w *world) { w.writeFile(revoxtest.APIKey) },
		}},
		{name: "the campaign file becomes a pipe", reason: accepted, machine: &machineFault{
			setUp: func(w *world, c *collector.Config) {
				w.writeFile("[" + faulty + ", " + sound + "]")
				c.CampaignIDs, c.CampaignFile = nil, w.file
			},
			begin: (*world).makePipe,
			mend:  func(w *world) { w.writeFile("[" + faulty + ", " + sound + "]") },
		}},
		{name: "the campaign file gets a label that is refused", reason: accepted, machine: &machineFault{
			setUp: func(w *world, c *collector.Config) {
				w.writeFile("[" + faulty + ", " + sound + "]")
				c.CampaignIDs, c.CampaignFile = nil, w.file
			},
			begin: func(w *world) { w.writeFile("[" + sound + ", {id: " + faulty + ", labels: {Team: sales}}]") },
			mend:  func(w *world) { w.writeFile("[" + faulty + ", " + sound + "]") },
		}},
	}
}

func (w *world) writeFile(text string) {
	if w.file == "" {
		w.file = filepath.Join(w.t.TempDir(), "file")
	}
	_ = os.Remove(w.file) // it may be a pipe
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// makePipe replaces the file by a pipe into which nobody writes.
func (w *world) makePipe() {
	if err := os.Remove(w.file); err != nil {
		w.t.Fatal(err)
	}
	if err := syscall.Mkfifo(w.file, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// gate is a writer that blocks while its lock is held.
type gate struct {
	mu sync.Mutex
	to io.Writer
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.to.Write(b)
}
