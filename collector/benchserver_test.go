package collector

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// benchmarkTime is when the benchmarks' campaigns are looked at.
var benchmarkTime = start

const benchmarkServerVariable = "REVOX_BENCHMARK_SERVER"

// startBenchmarkServer starts this program anew as the API, and returns its URL.
func startBenchmarkServer(b *testing.B, kind string, rows int) string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", benchmarkServerVariable, rows, kind))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // it ends when this is closed, however this process ends
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// benchmarkServer is the API, where the program was started for that: then it returns true when its input ends.
func benchmarkServer() bool {
	order := os.Getenv(benchmarkServerVariable)
	if order == "" {
		return false
	}
	number, kind, _ := strings.Cut(order, " ")
	rows, err := strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	active := 0
	if kind != "finished" {
		active = rows / 100
	}
	clock := revoxtest.NewClock(benchmarkTime)
	api := revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithoutGzip(), revoxtest.WithRequestLog(0))
	defer api.Close()
	api.AddCampaign(revoxtest.Campaign{ID: "finished", Rows: rows - active, Start: benchmarkTime.AddDate(0, 0, -21)})
	api.AddCampaign(revoxtest.Campaign{ID: "active", Rows: max(active, 1), Start: benchmarkTime.Add(-time.Hour), Paused: true, RowsWithoutCallShare: -1, CancelledShare: -1})
	h := &mixedRows{api: api.Handler(), rows: rows, active: active, spread: strings.Contains(kind, "spread"), etags: strings.Contains(kind, "ETags")}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/api\n", listener.Addr())
	go func() { panic(http.Serve(listener, h)) }() // ends with the process
	_, _ = io.Copy(io.Discard, os.Stdin)
	return true
}

// mixedRows serves the rows of two campaigns as those of one: the active ones at the end, or one at the end of each page.
type mixedRows struct {
	api           http.Handler
	rows, active  int
	spread, etags bool
}

var etagSeed = maphash.MakeSeed()

func (m *mixedRows) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("page_size"))
	var parts []json.RawMessage
	finishedPages := (m.rows - m.active) / size
	switch {
	case m.spread:
		parts = append(m.part("finished", page, size-1), m.part("active", page, 1)...)
	case page < finishedPages || m.active == 0:
		parts = m.part("finished", page, size)
	default:
		parts = m.part("active", page-finishedPages, size)
	}
	body := fmt.Appendf(nil, `{"page":%d,"page_size":%d,"total":%d,"rows":[`, page, size, m.rows)
	for i, rows := range parts {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, rows...)
	}
	body = append(body, "]}"...)
	if m.etags {
		tag := fmt.Sprintf(`"%x"`, maphash.Bytes(etagSeed, body))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	_, _ = z.Write(body)
	_ = z.Close()
}

// part returns the rows of a page of one campaign as one text, or nothing where there are none.
func (m *mixedRows) part(campaign string, page, size int) []json.RawMessage {
	r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/api/campaigns/%s/rows?page=%d&page_size=%d", campaign, page, size), nil)
	r.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	answer := httptest.NewRecorder()
	m.api.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	from, to := bytes.Index(body, []byte(`"rows":[`))+len(`"rows":[`), bytes.LastIndexByte(body, ']')
	if from >= to {
		return nil
	}
	return []json.RawMessage{body[from:to]}
}
