// Package logging makes the process's logger: code calls log/slog, and go-kit/log prints. Its
// Sink keeps a reader of the log that is stuck from stopping the program. What is logged is up to the code that knows it.
package logging

import (
	"io"
	"log/slog"
	"time"

	"github.com/go-kit/log"
	sloggokit "github.com/tjhop/slog-gokit"
)

// New returns a logger that writes one line for each record at least as severe as level (debug, info, warn or error;
// anything else means info) to w. The format is json, or logfmt for anything else. Times are UTC, in milliseconds. The
// logger is safe for concurrent use, and calls w from one goroutine at a time.
func New(w io.Writer, level, format string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	sink := log.NewLogfmtLogger(log.NewSyncWriter(w))
	if format == "json" {
		sink = log.NewJSONLogger(log.NewSyncWriter(w))
	}
	return slog.New(sloggokit.NewGoKitHandler(plainValues(sink), least))
}

// plainValues unwraps slog's values, so that numbers stay numbers in JSON, and puts times into UTC.
func plainValues(next log.Logger) log.Logger {
	return log.LoggerFunc(func(keyvals ...any) error {
		for i := 1; i < len(keyvals); i += 2 {
			if v, ok := keyvals[i].(slog.Value); ok {
				keyvals[i] = v.Any()
			}
			if t, ok := keyvals[i].(time.Time); ok {
				keyvals[i] = t.UTC().Truncate(time.Millisecond)
			}
		}
		return next.Log(keyvals...)
	})
}
