package store

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// BenchmarkState writes the outcomes of one scan of each of 1,000 campaigns, four at once: with all data changed, and
// with only the time changed. One operation writes all campaigns.
func BenchmarkState(b *testing.B) {
	const campaigns, scansAtOnce = 1000, 4
	labels := labelvalue.New(nil)
	rows := make([]tally.Row, 500)
	for i := range rows {
		at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
		a := tally.Attempt{Status: "completed", Result: tally.MakeValue([]string{"human", "voicemail", "IVR"}[i%3]), EndedBy: tally.MakeValue("user")}
		a.StartedAt.Time, a.AnsweredAt.Time, a.EndedAt.Time = at(0), at(1+i%30), at(2+i%30+i*i%900)
		rows[i] = tally.Row{ID: fmt.Sprint(i), Call: &tally.Call{Status: "completed", Attempts: []tally.Attempt{a}}}
		rows[i].Call.CreatedAt.Time = start.Add(-time.Duration(i) * time.Minute)
	}
	counted := func() *tally.Tally {
		t := tally.New(labels)
		for _, r := range rows {
			t.CountRow(r)
		}
		return t
	}
	for _, changed := range []bool{true, false} {
		b.Run(fmt.Sprintf("changed=%v", changed), func(b *testing.B) {
			folder := b.TempDir()
			state, err := OpenState(folder, "http://localhost", revoxtest.NewClock(start), slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer state.Close()
			records := make([]*Record, campaigns)
			for i := range records {
				data := (*Snapshot)(nil).next(&scan.Result{Tally: counted()}, start, time.Second, maxGone)
				records[i] = &Record{ID: fmt.Sprintf("campaign-%04d", i), Data: data}
			}
			writeAll := func(n int) {
				var scans sync.WaitGroup
				for s := range scansAtOnce {
					scans.Go(func() {
						for i := s; i < campaigns; i += scansAtOnce {
							next, t := *records[i], records[i].Data.Tally
							if changed {
								t = counted()
								t.Add(tally.CallsFinished, "completed", n)
							}
							at := start.Add(time.Duration(n) * time.Minute)
							next.Data = next.Data.next(&scan.Result{Tally: t}, at, time.Second, maxGone)
							state.keep(&next)
							records[i] = &next
						}
					})
				}
				scans.Wait()
			}
			writeAll(0)
			n := 0
			for b.Loop() {
				n++
				writeAll(n)
			}
			if info, err := os.Stat(filepath.Join(folder, statefile.Name)); err == nil {
				b.ReportMetric(float64(info.Size())/campaigns, "bytes/campaign")
			}
			if state.failed > 0 || len(state.kept) != campaigns {
				b.Fatalf("%d writes failed, %d campaigns kept", state.failed, len(state.kept))
			}
		})
	}
}
