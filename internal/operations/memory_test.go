//go:build !race

package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// deployed is the program with the flags and environment of examples/kubernetes/deployment.yaml.
type deployed struct {
	*programtest.Process
	t     *testing.T
	limit int // of memory, in KiB
}

// runDeployed starts it, reading the API at url, with more flags.
func runDeployed(t *testing.T, url string, more ...string) *deployed {
	t.Helper()
	text, err := os.ReadFile("../../examples/kubernetes/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Args      []string
						Env       []struct{ Name, Value string }
						Resources struct{ Limits struct{ Memory string } }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil || len(manifest.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("it is no deployment of one container: %v", err)
	}
	container := manifest.Spec.Template.Spec.Containers[0]
	mebibytes, err := strconv.Atoi(strings.TrimSuffix(container.Resources.Limits.Memory, "Mi"))
	if err != nil {
		t.Fatal(err)
	}
	var env, args []string
	for _, e := range container.Env {
		env = append(env, e.Name+"="+e.Value)
	}
	key := file(t, "api-key", revoxtest.APIKey)
	for _, arg := range container.Args {
		switch flag, _, _ := strings.Cut(arg, "="); flag {
		case "--revox.api-key-file":
			arg = flag + "=" + key
		case "--state.path":
			arg = flag + "=" + t.TempDir()
			if len(more) > 0 && strings.HasPrefix(more[0], flag) {
				continue
			}
		case "--web.health-listen-address":
			arg = flag + "=127.0.0.1:0"
		}
		args = append(args, arg)
	}
	p := programtest.Start(t, env, append(append(args, "--revox.base-url="+url), more...)...)
	return &deployed{p, t, mebibytes << 10}
}

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// wantMemory fails the test unless the program has never used more memory than its limit.
func (p *deployed) wantMemory() {
	p.t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID()), "status"))
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.Log())
	}
	found := peakLine.FindSubmatch(status)
	if found == nil {
		p.t.Fatalf("it has ended:\n%s", p.Log())
	}
	peak, err := strconv.Atoi(string(found[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("at most %d of %d MiB", peak>>10, p.limit>>10)
	if peak > p.limit {
		p.t.Errorf("it has used %d MiB of memory, with a limit of %d", peak>>10, p.limit>>10)
	}
}

// Whatever many clients ask for at once, and however slowly they read, the memory of the example is enough.
func TestManyScrapesOfManySeries(t *testing.T) {
	const campaigns, series, clients, requests = 700, 120_000, 60, 8
	api := revoxtest.NewServer(revoxtest.WithRequestLog(1))
	t.Cleanup(api.Close)
	rows := rowsOfManySeries()
	for i := range campaigns {
		api.SetRows(fmt.Sprintf("9f1c2d3e-4b5a-4c6d-8e7f-%012d", i), fmt.Sprint("Campaign ", i), rows)
	}
	p := runDeployed(t, api.URL)
	p.Await("all campaigns are read", func() bool {
		_, up := p.Get("/metrics?name[]=revox_campaign_up")
		return strings.Count(up, "} 1\n") == campaigns
	})
	if _, metrics := p.Get("/metrics"); strings.Count(metrics, "\nrevox_campaign_") < series {
		t.Fatalf("%d series, want %d", strings.Count(metrics, "\nrevox_campaign_"), series)
	}

	ctx, cancel := context.WithTimeout(t.Context(), programtest.Patience)
	defer cancel()
	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="
	all := make(chan struct{})
	var answered, refused atomic.Int32
	var running, slow sync.WaitGroup
	for i := range clients {
		accept := []string{"text/plain", protobuf + "delimited", protobuf + "text", protobuf + "compact-text", "application/openmetrics-text"}[i%5]
		encoding := []string{"gzip", "identity"}[i/5%2]
		path := []string{"/metrics", "/metrics?name[]=up", "/metrics?name[]=revox_campaign_calls", "/"}[i/10%4]
		if i%6 == 5 { // it reads nothing until all others have ended
			slow.Go(func() {
				conn, err := net.Dial("tcp", p.Address)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept: %s\r\nAccept-Encoding: %s\r\n\r\n", path, accept, encoding)
				<-all
			})
			continue
		}
		running.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
			for n := range requests {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Accept", accept)
				req.Header.Set("Accept-Encoding", encoding)
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				most := int64(1) << 62
				if n%4 == 3 {
					most = 10_000 // it leaves in the middle of the answer
				}
				_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, most))
				resp.Body.Close()
				switch {
				case err != nil:
					t.Errorf("%s as %s: %v", path, accept, err)
				case resp.StatusCode == http.StatusOK:
					answered.Add(1)
				case resp.StatusCode == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					t.Errorf("%s as %s: %s", path, accept, resp.Status)
				}
			}
		})
	}
	running.Wait()
	close(all)
	slow.Wait()
	t.Logf("%d answered, %d refused", answered.Load(), refused.Load())
	p.wantMemory()
	p.Await("it answers again", func() bool { code, _ := p.Get("/metrics"); return code == http.StatusOK })
	p.Signal(syscall.Signal(0)) // it runs
	if lines := regexp.MustCompile(`(?m)^level=error.*$`).FindString(p.Log()); lines != "" {
		t.Errorf("the log has an error: %s", lines)
	}
	p.Terminate()
}

// rowsOfManySeries returns rows of finished calls with each known result, error and reason.
func rowsOfManySeries() (rows []json.RawMessage) {
	begin := time.Now().Add(-48 * time.Hour).UTC()
	at := func(seconds int) string { return begin.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339) }
	for _, result := range revoxapi.Values[revoxapi.AttemptResult]() {
		n := len(rows)
		rows = append(rows, json.RawMessage(fmt.Sprintf(`{"id": "r%d", "call": {"id": "c%d", "status": "completed", "created_at": %q,
			"call_attempts": [{"id": "a%d", "status": "completed", "result": %q, "ended_by": "agent", "end_reason": "tool_%d",
			"started_at": %q, "answered_at": %q, "ended_at": %q}]}}`,
			n, n, at(0), n, result, n%8, at(1), at(5+n), at(60+n*n))))
	}
	return rows
}
