// Command replay tests the alert rules: the real exporter reads simulated weeks of a fleet of campaigns, and Prometheus'
// own engine evaluates the rules on its metrics. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	_ "time/tzdata" // the campaigns' time zones, if the system has none
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // a goal is missed, or the replay failed
	exitUsage   = 2
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

func command(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	days := flags.Int("days", 14, "simulated days; at least 2")
	seed := flags.Uint64("seed", 0, "seed of everything random; 0 chooses one")
	size := flags.String("fleet", "full",
		"full, or small for short runs: few campaigns, some of which make many attempts at any hour")
	rulesFile := flags.String("rules", "../revox.rules.yml", "file with the rules")
	alertmanager := flags.String("alertmanager", "../alertmanager.example.yml",
		"Alertmanager's configuration, whose inhibitions say which alerts are held back")
	verbose := flags.Bool("v", false, "print incidents, traps and alerts while they happen")
	profile := flags.String("cpuprofile", "", "file to write a CPU profile to")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if *days < 2 || *size != "full" && *size != "small" || flags.NArg() > 0 {
		flags.Usage()
		return exitUsage
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return failed(stderr, err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return failed(stderr, err)
		}
		defer pprof.StopCPUProfile()
	}
	o := options{days: *days, seed: *seed, small: *size == "small", rules: *rulesFile, alertmanager: *alertmanager}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	if *verbose {
		o.verbose = stdout
	}
	fmt.Fprintf(stdout, "replay -days %d -seed %d -fleet %s -rules %s -alertmanager %s\n", o.days, o.seed, *size, o.rules, o.alertmanager)
	r, v, err := run(ctx, o)
	if err != nil {
		return failed(stderr, err)
	}
	r.report(stdout, v)
	if len(v.missed) > 0 {
		return exitFailure
	}
	return exitOK
}

func failed(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "replay:", err)
	return exitFailure
}
