//go:build unix

// Command bench compares what reading a campaign costs: this module's client, curl, the usual Go program with
// encoding/json, and a Python script, each in a process of its own that reads the same packed pages over HTTPS. It
// prints a table of ratios of CPU time, in Markdown, and how memory grows with a campaign. curl and python3 must be
// installed.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed read.py
var pythonScript string

func main() {
	rows := flag.Int("rows", 20_000, "rows of the campaign that is read by all")
	runs := flag.Int("runs", 3, "runs of each reader, of which the cheapest counts")
	growth := flag.Int("growth", 100_000, "rows of the largest campaign that shows how memory grows; 0 for none")
	read := flag.String("read", "", "be one of the readers, lean or usual; this and what follows is for the processes that the command starts itself")
	serve := flag.Int("serve", 0, "be the server of a campaign of so many rows")
	serveLight := flag.Int("serve-light", 0, "be the server of a campaign of so many light rows")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *serve > 0:
		err = beServer(ctx, *serve)
	case *serveLight > 0:
		err = beLightServer(ctx, *serveLight)
	case *read != "":
		err = beReader(ctx, *read)
	default:
		err = compare(ctx, *rows, *runs)
		if err == nil && *growth > 0 {
			err = grow(ctx, *growth)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// reader is one way to read a campaign.
type reader struct {
	name   string
	coding string
	// command makes a process of it that prints what it counted, or that curl got.
	command func(ctx context.Context, r *rig) *exec.Cmd
	want    func(r *rig) string
}

// rig is what the readers read from.
type rig struct {
	served
	ca     string // file
	python string // file
}

func counted(r *rig) string { return fmt.Sprint(r.Want) }

func self(kind, coding string) func(context.Context, *rig) *exec.Cmd {
	return func(ctx context.Context, r *rig) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0], "-read", kind)
		cmd.Env = r.env(coding)
		return cmd
	}
}

func (r *rig) env(coding string) []string {
	return append(os.Environ(), "BENCH_URL="+r.URL+"/"+coding, "BENCH_CA="+r.ca, "BENCH_PAGE_SIZE="+strconv.Itoa(r.PageSize))
}

func curl(coding string) func(context.Context, *rig) *exec.Cmd {
	return func(ctx context.Context, r *rig) *exec.Cmd {
		pages := fmt.Sprintf("%s/%s%s?page=[0-%d]&page_size=%d", r.URL, coding, rowsPath, len(r.Gzip)-1, r.PageSize)
		return exec.CommandContext(ctx, "curl", "-q", "--silent", "--show-error", "--fail", "--http1.1", "--compressed", "--cacert", r.ca,
			"--output", "/dev/null", "--write-out", "%{size_download}\n", pages)
	}
}

// downloaded is what curl prints of pages of these sizes.
func downloaded(sizes []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(sizes), " ", "\n"), "[]")
}

func readers() []reader {
	gzipped := func(r *rig) string { return downloaded(r.Gzip) }
	zstd := func(r *rig) string { return downloaded(r.Zstd) }
	return []reader{
		{"`curl --compressed` to nowhere", "gzip", curl("gzip"), gzipped},
		{"this module", "gzip", self("lean", "gzip"), counted},
		{"Go, encoding/json into the full types", "gzip", self("usual", "gzip"), counted},
		{"Python, urllib and json", "gzip", func(ctx context.Context, r *rig) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "python3", r.python)
			cmd.Env = r.env("gzip")
			return cmd
		}, counted},
		{"`curl --compressed` to nowhere", "zstd", curl("zstd"), zstd},
		{"this module", "zstd", self("lean", "zstd"), counted},
	}
}

// compare lets every reader read the same campaign, in turn, and prints what each cost.
func compare(ctx context.Context, rows, runs int) error {
	server, err := startServer(ctx, "-serve", strconv.Itoa(rows))
	if err != nil {
		return err
	}
	defer server.stop()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &rig{served: server.served, ca: filepath.Join(dir, "ca.pem"), python: filepath.Join(dir, "read.py")}
	if err := os.WriteFile(r.ca, []byte(r.Certificate), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(r.python, []byte(pythonScript), 0o600); err != nil {
		return err
	}
	all := readers()
	cheapest := make([]cost, len(all))
	for range runs {
		for i, reader := range all {
			c, err := measure(reader.command(ctx, r), reader.want(r))
			if err != nil {
				return fmt.Errorf("%s, %s: %w", reader.name, reader.coding, err)
			}
			if cheapest[i].cpu == 0 || c.cpu < cheapest[i].cpu {
				cheapest[i] = c
			}
		}
	}
	fmt.Printf("%d rows, %.0f MB of JSON in %d pages\n\n", rows, float64(r.Plain)/1e6, len(r.Gzip))
	fmt.Println("| reader | packed with | CPU, curl with gzip = 1 | CPU, this module = 1 | peak memory |")
	fmt.Println("|---|---|---|---|---|")
	for i, reader := range all {
		fmt.Printf("| %s | %s | %.2f | %.1f | %d MiB |\n", reader.name, reader.coding,
			cheapest[i].cpu.Seconds()/cheapest[0].cpu.Seconds(), cheapest[i].cpu.Seconds()/cheapest[1].cpu.Seconds(), cheapest[i].peak>>20)
	}
	fmt.Printf("\ncurl with gzip took %.2f s of CPU.\n", cheapest[0].cpu.Seconds())
	return nil
}

// cost of a process.
type cost struct {
	cpu  time.Duration
	peak int64 // bytes of memory
}

// measure runs a process, which must print want.
func measure(cmd *exec.Cmd, want string) (cost, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%w: %s", err, stderr.String())
	}
	if got := strings.TrimSpace(stdout.String()); got != want {
		return cost{}, fmt.Errorf("it read %.200q, not %.200q", got, want)
	}
	c := cost{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = maxRSS(usage)
	}
	return c, nil
}
