//go:build unix

package revoxapi_test

import (
	"bytes"
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/internal/yardstick"
)

// cpu is the CPU time that the process has used: on a machine with other work, the clock on the wall measures that.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkReading reads a page and a campaign as the exporter does, beside the usual way: encoding/json into the full
// types, one page after another. Both are given the packed pages without a network between. times-less-CPU is the ratio.
func BenchmarkReading(b *testing.B) {
	for _, size := range []struct {
		name string
		rows int
	}{{"page", 90}, {"campaign", 2000}} {
		c, err := yardstick.Render(b.Context(), size.rows, 100)
		if err != nil {
			b.Fatal(err)
		}
		for _, coding := range []string{"gzip", "zstd"} {
			b.Run(size.name+" "+coding, func(b *testing.B) {
				client := newClient(b, "http://yardstick.invalid/"+coding, revoxapi.WithTransport(c))
				b.ReportAllocs()
				var lean, usual time.Duration
				for b.Loop() {
					lean += readLean(b, client, c)
					b.StopTimer()
					usual += readUsual(b, c)
					b.StartTimer()
				}
				b.ReportMetric(usual.Seconds()/lean.Seconds(), "times-less-CPU")
				b.ReportMetric(float64(c.Plain)*float64(b.N)/1e6/lean.Seconds(), "MB/CPU-second")
			})
		}
	}
}

// talkRow is yardstick.LeanRow with the outline of transcripts and a part of the assistant.
type talkRow struct {
	ID   string `json:"id"`
	Call *struct {
		Status    string             `json:"status"`
		CreatedAt revoxapi.Timestamp `json:"created_at"`
		Campaign  struct {
			Name string `json:"name"`
		} `json:"campaign"`
		Attempts []struct {
			Status     string                     `json:"status"`
			Result     string                     `json:"result"`
			DialError  string                     `json:"dial_error"`
			EndedBy    string                     `json:"ended_by"`
			EndReason  string                     `json:"end_reason"`
			StartedAt  revoxapi.Timestamp         `json:"started_at"`
			AnsweredAt revoxapi.Timestamp         `json:"answered_at"`
			EndedAt    revoxapi.Timestamp         `json:"ended_at"`
			Transcript revoxapi.TranscriptOutline `json:"transcript"`
		} `json:"call_attempts"`
		Assistant revoxapi.Repeated[talkAssistant] `json:"assistant"`
	} `json:"call"`
}

func (r talkRow) RowID() string { return r.ID }

type talkAssistant struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Model struct {
		Name     string `json:"name"`
		ModelID  string `json:"openrouter_model_id"`
		Provider string `json:"openrouter_provider"`
	} `json:"llm_model"`
	Voice struct {
		Provider string `json:"provider"`
	} `json:"voice"`
}

// BenchmarkTranscripts reads a campaign with and without the outlines of its transcripts and its assistants, in turn.
// %-more-CPU is what these cost.
func BenchmarkTranscripts(b *testing.B) {
	c, err := yardstick.Render(b.Context(), 2000, 100)
	if err != nil {
		b.Fatal(err)
	}
	for _, coding := range []string{"gzip", "zstd"} {
		b.Run(coding, func(b *testing.B) {
			client := newClient(b, "http://yardstick.invalid/"+coding, revoxapi.WithTransport(c))
			var without, with time.Duration
			for b.Loop() {
				without += readLean(b, client, c)
				begin, turns, named := cpu(b), 0, 0
				params := revoxapi.RowsParams{PageSize: c.PageSize}
				for r, err := range revoxapi.Rows[talkRow](context.Background(), client, yardstick.CampaignID, params) {
					if err != nil {
						b.Fatal(err)
					}
					if r.Call == nil {
						continue
					}
					if a := r.Call.Assistant.Value; a != nil && a.Name != "" {
						named++
					}
					for i := range r.Call.Attempts {
						turns += int(r.Call.Attempts[i].Transcript.Assistant)
					}
				}
				if with += cpu(b) - begin; turns == 0 || named == 0 {
					b.Fatal("read no transcript, or no assistant")
				}
			}
			b.ReportMetric(100*(with.Seconds()/without.Seconds()-1), "%-more-CPU")
		})
	}
}

func readLean(b *testing.B, client *revoxapi.Client, c *yardstick.Campaign) time.Duration {
	begin := cpu(b)
	var got yardstick.Count
	var summary revoxapi.RowsSummary
	params := revoxapi.RowsParams{PageSize: c.PageSize}
	for r, err := range revoxapi.Rows[yardstick.LeanRow](context.Background(), client, yardstick.CampaignID, params, revoxapi.WithSummary(&summary)) {
		if err != nil {
			b.Fatal(err)
		}
		got.AddLean(r)
	}
	took := cpu(b) - begin
	if got != c.Want || summary.Duplicates != 0 {
		b.Fatalf("counted %+v, want %+v", got, c.Want)
	}
	return took
}

func readUsual(b *testing.B, c *yardstick.Campaign) time.Duration {
	begin := cpu(b)
	var got yardstick.Count
	for _, page := range c.Gzip {
		if _, err := yardstick.Usual(bytes.NewReader(page), &got); err != nil {
			b.Fatal(err)
		}
	}
	took := cpu(b) - begin
	if got != c.Want {
		b.Fatalf("counted %+v, want %+v", got, c.Want)
	}
	return took
}
