package main

import (
	"context"
	"testing"
	"time"
	_ "time/tzdata"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The simulated API's listener and Prometheus' parts must have ended when a replay returns.
	goleak.VerifyTestMain(m)
}

// shortSeed is a seed with which an incident of each class finds a place within two days of the small fleet.
const shortSeed = 5

// TestShortReplay is the replay that CI runs: each class of incident once, and most traps, in two simulated days.
func TestShortReplay(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	r, v, err := run(ctx, options{days: 2, seed: shortSeed, small: true, rules: "../revox.rules.yml", alertmanager: "../alertmanager.example.yml"})
	if err != nil {
		t.Fatal(err)
	}
	r.report(t.Output(), v)
	for _, text := range v.missed {
		t.Error(text)
	}
}
