package logging_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/logging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLinesAreWrittenInOrderBeforeCloseReturns(t *testing.T) {
	var out bytes.Buffer
	sink := logging.NewSink(&out)
	logger := logging.New(sink, "info", "logfmt")
	for i := range 100 {
		logger.Info("line", "n", i)
	}
	logger.Debug("not severe enough")
	sink.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "level=info caller=sink_test.go:") || !strings.HasSuffix(line, fmt.Sprintf("Z msg=line n=%d", i)) {
			t.Errorf("line %d is %s", i, line)
		}
	}
	if len(lines) != 100 {
		t.Errorf("%d lines, want 100", len(lines))
	}
}

func TestJSONKeepsNumbers(t *testing.T) {
	var out bytes.Buffer
	sink := logging.NewSink(&out)
	logging.New(sink, "info", "json").Warn("line", "n", 7, "took", time.Second)
	sink.Close()
	for _, want := range []string{`"level":"warn"`, `"n":7`, `"took":"1s"`, `"msg":"line"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in %s", want, &out)
		}
	}
}

// A reader that does not read holds up nobody: what is too much is dropped and counted, and a very long line is cut.
func TestStuckReaderBlocksNobody(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	sink := logging.NewSink(write)
	logger := logging.New(sink, "info", "logfmt")
	const lines = 5000
	for range lines {
		logger.Info(strings.Repeat("x", 20_000))
	}
	sink.Close()
	dropped := testutil.ToFloat64(sink.Dropped())
	if dropped < lines-1100 || dropped >= lines {
		t.Errorf("%v of %d lines were dropped", dropped, lines)
	}
	read.Close() // ends the goroutine that writes
}

func TestClosedReaderIsCounted(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	sink := logging.NewSink(write)
	logging.New(sink, "info", "logfmt").Info("line")
	sink.Close()
	if dropped := testutil.ToFloat64(sink.Dropped()); dropped != 1 {
		t.Errorf("%v lines were dropped, want 1", dropped)
	}
}
