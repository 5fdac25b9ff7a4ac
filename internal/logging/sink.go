package logging

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxLines is how many lines may wait to be written.
	maxLines = 1000
	// maxLineBytes is the length at which a line is cut; what waits is so bounded in bytes, too.
	maxLineBytes = 16 << 10
	// closePatience is how long Close waits for a reader that does not read.
	closePatience = 500 * time.Millisecond
)

// Sink is a writer that never blocks and never fails: lines wait until they can be written, and are dropped and counted while too many
// wait. A log shipper that is stuck must not stop the program. It is safe for concurrent use. Make one with NewSink.
type Sink struct {
	lines   chan []byte
	closing chan struct{} // closed by Close
	ended   chan struct{} // closed when the last line was written
	dropped atomic.Uint64
}

// NewSink returns a Sink that writes to w from a goroutine of its own, which ends with Close, or later once w can be written.
func NewSink(w io.Writer) *Sink {
	s := &Sink{lines: make(chan []byte, maxLines), closing: make(chan struct{}), ended: make(chan struct{})}
	go s.write(w)
	return s
}

func (s *Sink) write(w io.Writer) {
	defer close(s.ended)
	write := func(line []byte) {
		if _, err := w.Write(line); err != nil {
			s.dropped.Add(1)
		}
	}
	for {
		select {
		case line := <-s.lines:
			write(line)
		case <-s.closing:
			for {
				select {
				case line := <-s.lines:
					write(line)
				default:
					return
				}
			}
		}
	}
}

// Write takes one line. It keeps no reference to it.
func (s *Sink) Write(line []byte) (int, error) {
	kept := append([]byte(nil), line[:min(len(line), maxLineBytes)]...)
	if len(kept) < len(line) {
		kept[len(kept)-1] = '\n'
	}
	select {
	case s.lines <- kept:
	default:
		s.dropped.Add(1)
	}
	return len(line), nil
}

// Close writes the lines that wait, and returns when they are written, or after half a second. It must be called once; nothing that is
// written after it is sure to appear.
func (s *Sink) Close() {
	close(s.closing)
	select {
	case <-s.ended:
	case <-time.After(closePatience):
	}
}

// Dropped returns a metric of the lines that were dropped.
func (s *Sink) Dropped() prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "revox_exporter_log_lines_dropped_total",
		Help: "Log lines that were dropped because the reader of the log did not read, or closed its end.",
	}, func() float64 { return float64(s.dropped.Load()) })
}
