//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// grow reads campaigns of 1,000 rows to most, and prints what each costs this module. Their rows are light: what grows
// with a campaign is what is kept of each row, whatever its size.
func grow(ctx context.Context, most int) error {
	fmt.Printf("\n| rows | CPU a row, 1,000 rows = 1 | peak memory |\n|---|---|---|\n")
	var first float64
	for rows := 1000; rows <= most; rows *= 10 {
		c, err := readLight(ctx, rows)
		if err != nil {
			return err
		}
		perRow := c.cpu.Seconds() / float64(rows)
		if first == 0 {
			first = perRow
		}
		fmt.Printf("| %d | %.2f | %d MiB |\n", rows, perRow/first, c.peak>>20)
	}
	return nil
}

func readLight(ctx context.Context, rows int) (cost, error) {
	server, err := startServer(ctx, "-serve-light", strconv.Itoa(rows))
	if err != nil {
		return cost{}, err
	}
	defer server.stop()
	cmd := exec.CommandContext(ctx, os.Args[0], "-read", "lean")
	cmd.Env = append(os.Environ(), "BENCH_URL="+server.URL, "BENCH_CA=", "BENCH_PAGE_SIZE="+strconv.Itoa(server.PageSize))
	return measure(cmd, fmt.Sprint(server.Want))
}
