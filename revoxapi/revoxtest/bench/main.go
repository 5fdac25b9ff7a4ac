//go:build unix

// Command bench compares what reading a campaign costs: this module's client, curl, the usual Go program with
// encoding/json, a Python script and the whole exporter, each in a process of its own that reads the same packed pages over
// HTTP or HTTPS. It prints a table of ratios of CPU time, user and system, in Markdown, and how memory grows with a
// campaign. curl and python3 must be installed.
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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/revox-exporter/revox_exporter/revoxapi/internal/yardstick"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

//go:embed read.py
var pythonScript string

func main() {
	rows := flag.Int("rows", 20_000, "rows of the campaign that is read by all")
	runs := flag.Int("runs", 3, "rounds in which each reader runs once; the median of the ratios in a round counts")
	growth := flag.Int("growth", 100_000, "rows of the largest campaign that shows how memory grows; 0 for none")
	exporter := flag.String("exporter", "", "file of the exporter's program, whose command check reads the campaign too")
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
		err = compare(ctx, *rows, *runs, *exporter)
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
	over   string // HTTP or HTTPS
	coding string
	// command makes a process of it that prints what it counted, or that curl got, besides other things.
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

// url is that of the pages in a coding.
func (r *rig) url(over, coding string) string {
	if over == "HTTP" {
		return r.PlainURL + "/" + coding
	}
	return r.URL + "/" + coding
}

func (r *rig) env(over, coding string) []string {
	return append(os.Environ(), "BENCH_URL="+r.url(over, coding), "BENCH_CA="+r.ca, "BENCH_PAGE_SIZE="+strconv.Itoa(r.PageSize))
}

func self(kind, over, coding string) reader {
	name := map[string]string{"lean": "this module", "usual": "Go, encoding/json into the full types"}[kind]
	return reader{name, over, coding, func(ctx context.Context, r *rig) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0], "-read", kind)
		cmd.Env = r.env(over, coding)
		return cmd
	}, counted}
}

func python(over, coding string) reader {
	return reader{"Python, urllib and json", over, coding, func(ctx context.Context, r *rig) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "python3", r.python)
		cmd.Env = r.env(over, coding)
		return cmd
	}, counted}
}

func curl(over, coding string) reader {
	return reader{"`curl --compressed` to nowhere", over, coding, func(ctx context.Context, r *rig) *exec.Cmd {
		pages := fmt.Sprintf("%s%s?page=[0-%d]&page_size=%d", r.url(over, coding), rowsPath, len(r.Gzip)-1, r.PageSize)
		return exec.CommandContext(ctx, "curl", "-q", "--silent", "--show-error", "--fail", "--http1.1", "--compressed", "--cacert", r.ca,
			"--output", "/dev/null", "--write-out", "%{size_download}\n", pages)
	}, func(r *rig) string {
		if coding == "zstd" {
			return downloaded(r.Zstd)
		}
		return downloaded(r.Gzip)
	}}
}

// downloaded is what curl prints of pages of these sizes.
func downloaded(sizes []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(sizes), " ", "\n"), "[]")
}

// check is one scan by the whole exporter.
func check(exporter, over, coding string) reader {
	return reader{"this exporter, `check`", over, coding, func(ctx context.Context, r *rig) *exec.Cmd {
		cmd := exec.CommandContext(ctx, exporter, "check", "--campaign.id="+yardstick.CampaignID, "--revox.base-url="+r.url(over, coding),
			"--revox.page-size="+strconv.Itoa(r.PageSize))
		cmd.Env = []string{"REVOX_API_KEY=" + revoxtest.APIKey}
		return cmd
	}, func(r *rig) string {
		return message.NewPrinter(language.English).Sprintf("1 of 1 campaign read: %d rows", r.Want.Rows)
	}}
}

// groups are compared each with its first reader.
func groups(exporter string) [][]reader {
	plain := []reader{curl("HTTP", "gzip"), self("lean", "HTTP", "gzip")}
	if exporter != "" {
		plain = append(plain, check(exporter, "HTTP", "gzip"))
	}
	return [][]reader{
		plain,
		{
			curl("HTTPS", "gzip"), self("lean", "HTTPS", "gzip"), self("usual", "HTTPS", "gzip"), python("HTTPS", "gzip"),
			curl("HTTPS", "zstd"), self("lean", "HTTPS", "zstd"),
		},
	}
}

// compare lets every reader read the same campaign, in turn, and prints what each cost.
func compare(ctx context.Context, rows, runs int, exporter string) error {
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
	fmt.Printf("%d rows, %.0f MB of JSON in %d pages\n\n", rows, float64(r.Plain)/1e6, len(r.Gzip))
	fmt.Println("| reader | over | packed with | CPU, curl with gzip = 1 | peak memory |")
	fmt.Println("|---|---|---|--:|--:|")
	for _, group := range groups(exporter) {
		ratios, peaks := make([][]float64, len(group)), make([]int64, len(group))
		for range runs {
			var first cost
			for i, reader := range group {
				c, err := measure(reader.command(ctx, r), reader.want(r))
				if err != nil {
					return fmt.Errorf("%s, %s, %s: %w", reader.name, reader.over, reader.coding, err)
				}
				if i == 0 {
					first = c
				}
				ratios[i] = append(ratios[i], c.cpu.Seconds()/first.cpu.Seconds())
				peaks[i] = max(peaks[i], c.peak)
			}
		}
		for i, reader := range group {
			slices.Sort(ratios[i])
			fmt.Printf("| %s | %s | %s | %.2f | %d MiB |\n", reader.name, reader.over, reader.coding, ratios[i][runs/2], peaks[i]>>20)
		}
	}
	return nil
}

// cost of a process.
type cost struct {
	cpu  time.Duration
	peak int64 // bytes of memory
}

// measure runs a process, which must print want, alone or among other things.
func measure(cmd *exec.Cmd, want string) (cost, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%w: %s", err, stderr.String())
	}
	if got := strings.TrimSpace(stdout.String()); !strings.Contains(got, want) {
		return cost{}, fmt.Errorf("it read %.200q, not %.200q", got, want)
	}
	c := cost{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = maxRSS(usage)
	}
	return c, nil
}
