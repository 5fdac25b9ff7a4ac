//go:build linux && !race

package revoxapi_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/internal/yardstick"
)

// memoryLimit is that of the container in examples/kubernetes.
const memoryLimit = 512 << 20

// A few KB over the wire may become GB of JSON and more in memory. Each case is read by a process that may have no more
// memory than the exporter's container, and ends as it should.
func TestReadingStaysWithinTheMemoryOfTheContainer(t *testing.T) {
	repeat := func(begin, item string, n int, end string) func(io.Writer) {
		return func(w io.Writer) {
			_, _ = io.WriteString(w, begin+item)
			for range n - 1 {
				_, _ = io.WriteString(w, ","+item)
			}
			_, _ = io.WriteString(w, end)
		}
	}
	row := func(call string) (begin, end string) { return `{"rows":[{"id":"r",` + call, `}]}` }
	attempts, attemptsEnd := row(`"call":{"call_attempts":[`)
	transcript, transcriptEnd := row(`"call":{"call_attempts":[{"transcript":[`)
	input, inputEnd := row(`"input_data":{`)
	output, outputEnd := row(`"call":{"call_attempts":[{"structured_output":{"x":[`)
	campaigns := func(n int) func(io.Writer) {
		return func(w io.Writer) {
			_, _ = io.WriteString(w, `{"campaigns":[{"id":"c"}`)
			for i := range n - 1 {
				fmt.Fprintf(w, `,{"id":"%d","name":"a campaign","status":"draft"}`, i)
			}
			_, _ = io.WriteString(w, `]}`)
		}
	}
	longText := strings.Repeat("x", 1<<20)
	for _, test := range []struct {
		name, read string
		write      func(io.Writer)
		want       string // of the error's text, "" for none
	}{
		{"attempts", "lean", repeat(attempts, "{}", 2_700_000, "]}"+attemptsEnd), "rows/0 of the answer has more than 20000 call attempts"},
		{"attempts of the full type", "full", repeat(attempts, "{}", 2_700_000, "]}"+attemptsEnd), "more than 20000 call attempts"},
		{"transcript entries", "full", repeat(transcript, "{}", 2_700_000, "]}]}"+transcriptEnd), "more than 20000 call attempts"},
		{"input data", "full", repeat(input, `"":""`, 1_200_000, "}"+inputEnd), "more than 200000 values"},
		{"structured output", "full", repeat(output, "[]", 2_500_000, "]}}]}"+outputEnd), "more than 200000 values"},
		{"skipped input data", "lean", repeat(input, `"":""`, 1_200_000, "}"+inputEnd), ""},
		{"a row of many attempts", "lean", repeat(attempts, "{}", 20_000, "]}"+attemptsEnd), ""},
		{"rows of {}", "lean", repeat(`{"rows":[`, "{}", 3_000_000, "]}"), "row 1 of the answer has no id"},
		{"pages of long texts", "lean four", nil, ""},
		{"a million campaigns", "list", campaigns(1_000_000), ""},
		{"three million campaigns", "list", campaigns(3_000_000), "more than 1000000 campaigns"},
		{"campaigns that are null", "list", repeat(`{"campaigns":[`, "null", 3_000_000, "]}"), "none of the answer's campaigns is an object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			url := handler(t, func(w http.ResponseWriter, r *http.Request) {
				if test.write == nil {
					writeLongTexts(w, r.URL.Query().Get("page"), longText)
					return
				}
				w.Header().Set("Content-Encoding", "gzip")
				z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
				b := bufio.NewWriterSize(z, 1<<20)
				test.write(b)
				_ = b.Flush()
				_ = z.Close()
			})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestReadInLittleMemory$", "-test.v")
			child.Env = append(os.Environ(), "REVOXAPI_READ="+test.read, "REVOXAPI_URL="+url)
			out, err := child.CombinedOutput()
			if want := cmp.Or(test.want, "read: all"); err != nil || !strings.Contains(string(out), want) {
				t.Fatalf("%v, want %q: %.1500s", err, want, out)
			}
		})
	}
}

// writeLongTexts writes one of three pages, each of 150 rows with a text that is read.
func writeLongTexts(w io.Writer, page, text string) {
	_, _ = io.WriteString(w, `{"page_size":150,"total":450,"rows":[`)
	if page == "0" || page == "1" || page == "2" {
		for i := range 150 {
			fmt.Fprintf(w, `%.*s{"id":"%s-%d","call":{"status":"%s"}}`, min(i, 1), ",", page, i, text)
		}
	}
	_, _ = io.WriteString(w, `]}`)
}

// TestReadInLittleMemory is the process that reads, if the test above starts it; else it has nothing to do.
func TestReadInLittleMemory(t *testing.T) {
	url := os.Getenv("REVOXAPI_URL")
	if url == "" {
		return
	}
	// Data is what the process has allocated; the address space also has what Go only reserves.
	limit := syscall.Rlimit{Cur: memoryLimit, Max: memoryLimit}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		t.Fatal(err)
	}
	debug.SetMemoryLimit(memoryLimit * 9 / 10)
	client := newClient(t, url)
	var err error
	switch os.Getenv("REVOXAPI_READ") {
	case "lean":
		err = readAtOnce[yardstick.LeanRow](t.Context(), client, 8)
	case "lean four":
		err = readAtOnce[yardstick.LeanRow](t.Context(), client, 4)
	case "full":
		err = readAtOnce[revoxapi.Row](t.Context(), client, 8)
	case "list":
		for _, listErr := range revoxapi.Campaigns[named](t.Context(), client) {
			err = listErr
		}
	}
	if err != nil {
		asError(t, err, revoxapi.KindBadResponse)
		fmt.Println("read:", err)
		return
	}
	fmt.Println("read: all")
}

// readAtOnce reads several campaigns at once.
func readAtOnce[R revoxapi.Identified](ctx context.Context, client *revoxapi.Client, campaigns int) error {
	errs := make([]error, campaigns)
	var done sync.WaitGroup
	for i := range errs {
		done.Go(func() {
			for _, err := range revoxapi.Rows[R](ctx, client, fmt.Sprint("c", i), revoxapi.RowsParams{PageSize: 50}) {
				errs[i] = err
			}
		})
	}
	done.Wait()
	for _, err := range errs {
		if (err == nil) != (errs[0] == nil) {
			return errors.New("the campaigns do not end alike")
		}
	}
	return errs[0]
}
