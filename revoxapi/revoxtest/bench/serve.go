//go:build unix

package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/internal/yardstick"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// served is what a server says of itself. It is a process of its own, since what a process has in memory when it starts
// another counts as that one's.
type served struct {
	URL         string
	PlainURL    string // the same without TLS
	Certificate string // in PEM
	PageSize    int
	Plain       int64 // bytes of all pages
	Gzip, Zstd  []int // bytes of each page
	Want        yardstick.Count
}

// beServer serves a campaign of realistic rows over HTTPS and over HTTP until ctx ends.
func beServer(ctx context.Context, rows int) error {
	campaign, err := yardstick.Render(ctx, rows, 100)
	if err != nil {
		return err
	}
	server, plainServer := httptest.NewTLSServer(campaign), httptest.NewServer(campaign)
	defer server.Close()
	defer plainServer.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	s := served{
		URL: server.URL, PlainURL: plainServer.URL, Certificate: string(certificate),
		PageSize: campaign.PageSize, Plain: campaign.Plain, Want: campaign.Want,
	}
	for i := range campaign.Gzip {
		s.Gzip, s.Zstd = append(s.Gzip, len(campaign.Gzip[i])), append(s.Zstd, len(campaign.Zstd[i]))
	}
	return s.until(ctx)
}

// beLightServer serves a campaign of rows without calls, which take little time to make.
func beLightServer(ctx context.Context, rows int) error {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	clock := revoxtest.NewClock(start.Add(-24 * time.Hour))
	server := revoxtest.NewServer(revoxtest.WithNow(clock.Now))
	defer server.Close()
	sim.New(server).AddCampaign(sim.Campaign{ID: yardstick.CampaignID, Rows: rows, Start: start, Weight: sim.Light})
	return served{URL: server.URL, PageSize: 1000, Want: yardstick.Count{Rows: rows}}.until(ctx)
}

func (s served) until(ctx context.Context) error {
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// server is a running one.
type server struct {
	served
	stop func()
}

// startServer starts a server and waits until it serves.
func startServer(ctx context.Context, args ...string) (*server, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Stderr = os.Stderr
	s := &server{stop: func() { cancel(); _ = cmd.Wait() }}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	if err := json.NewDecoder(stdout).Decode(&s.served); err != nil {
		s.stop()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	return s, nil
}
