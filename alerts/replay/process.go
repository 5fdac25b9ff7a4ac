package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Values that are the exporter's flags otherwise.
const (
	discoveryInterval = 5 * time.Minute
	fullInterval      = time.Hour
	completedFor      = 3 * time.Hour // less than the default, because finished campaigns only slow the replay down
)

// process is one run of the exporter, from start to stop. Everything is real except the clock and the sockets. Each
// process has a clock of its own, so that only its goroutines sleep on it.
type process struct{ *exportertest.Instance }

// startProcess starts an exporter at a time. It begins by reading the list and all campaigns.
func startProcess(api http.Handler, now time.Time, key revoxapi.KeySource) (*process, error) {
	in, err := exportertest.Make("http://api.invalid/api", revoxtest.NewClock(now), func(c *collector.Config) {
		c.Key, c.Logger, c.FullInterval = key, slog.New(slog.DiscardHandler), fullInterval
		c.Discovery = &campaigns.Discovery{
			Interval: discoveryInterval, Statuses: []string{"running", "paused", "completed"}, CompletedFor: completedFor,
		}
	}, revoxapi.WithTransport(&inProcess{handler: api}))
	if err != nil {
		return nil, err
	}
	in.Run()
	return &process{in}, nil
}

// settle returns when the exporter has done everything that is due.
func (p *process) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.Settle(ctx)
}

// patience is the real time within which every scan of a simulated minute must end.
const patience = time.Minute

// selected returns how many campaigns the exporter reads.
func (p *process) selected() int { return len(p.Exporter.Status().Campaigns) }

// scrape returns what a scrape reads, as text.
func (p *process) scrape(ctx context.Context) (body []byte, contentType string, err error) {
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	resp := httptest.NewRecorder()
	p.Metrics.ServeHTTP(resp, req)
	if resp.Code != http.StatusOK {
		return nil, "", fmt.Errorf("the scrape was answered with %d", resp.Code)
	}
	return resp.Body.Bytes(), resp.Header().Get("Content-Type"), nil
}
