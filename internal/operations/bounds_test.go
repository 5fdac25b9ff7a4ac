//go:build !race

package operations

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// alike are campaigns with so many rows each, which repeat these texts with other ids. A text has no id and no first brace.
type alike struct {
	campaigns, rows int
	texts           []string
}

// serveAlike serves campaigns. It knows no filter by status, so that every scan reads all rows.
func serveAlike(t *testing.T, kinds ...alike) (url string) {
	var list strings.Builder
	var kindOf []alike
	for _, kind := range kinds {
		for range kind.campaigns {
			i := len(kindOf)
			fmt.Fprintf(&list, `,{"id":"9f1c2d3e-4b5a-4c6d-8e7f-%012d","name":"Campaign %d","status":"running"}`, i, i)
			kindOf = append(kindOf, kind)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/campaigns", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"campaigns":[%s]}`, list.String()[1:])
	})
	mux.HandleFunc("/api/campaigns/{id}/rows", func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(strings.TrimLeft(r.PathValue("id")[24:], "0"))
		texts, rowCount := kindOf[number].texts, kindOf[number].rows
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
		body := make([]byte, 0, 64<<10)
		body = fmt.Appendf(body, `{"page":%d,"page_size":%d,"total":%d,"rows":[`, page, size, rowCount)
		for i := page * size; i < min((page+1)*size, rowCount); i++ {
			if i > page*size {
				body = append(body, ',')
			}
			body = append(strconv.AppendInt(append(body, `{"id":"`...), int64(i), 10), '"')
			body = append(append(body, texts[i%len(texts)]...), '}')
		}
		_, _ = w.Write(append(body, "]}"...)) // an error means that the client is gone
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/api"
}

// The rows of all campaigns together are bounded, and so is what scans of large campaigns take.
func TestMemoryOfManyRows(t *testing.T) {
	url := serveAlike(t, alike{6, 1_900_000, []string{""}})
	flags := []string{"--state.path=" + t.TempDir(), "--revox.page-size=1000", "--scan.interval=10s"}
	p := runDeployed(t, url, flags...)
	p.Await("all campaigns are scanned", func() bool {
		_, metrics := p.Get("/metrics?name[]=revox_campaign_up")
		return strings.Count(metrics, "\nrevox_campaign_up{") == 6
	})
	p.wantOverLimit(4)
	p.wantMemory()
	p.Terminate()

	p = runDeployed(t, url, flags...)
	if _, shown := p.Get("/metrics?name[]=revox_campaign_rows"); strings.Count(shown, "\nrevox_campaign_rows{") != 2 {
		t.Errorf("want the data of two campaigns after a restart:\n%s", shown)
	}
	p.wantMemory()
}

// wantOverLimit fails the test unless so many campaigns are over a limit, and one line of the log says what to do.
func (p *deployed) wantOverLimit(n int) {
	p.t.Helper()
	if _, metrics := p.Get("/metrics?name[]=revox_exporter_campaigns_over_limit"); !strings.Contains(metrics, fmt.Sprintf(" %d\n", n)) {
		p.t.Errorf("want %d campaigns over the limit:\n%s", n, metrics)
	}
	if n := strings.Count(p.Log(), "--shard.count"); n < 1 || n > 2 { // of campaigns that are not selected, and of rows or series
		p.t.Errorf("the log says %d times what to do:\n%s", n, p.Log())
	}
}

// A list of any length, of campaigns with any values, does not need more memory than there is.
func TestMemoryOfManyCampaigns(t *testing.T) {
	const attempts = 8
	begin := time.Now().Add(-48 * time.Hour).UTC()
	at := func(seconds int) string { return begin.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339) }
	var rows []string
	for i := range 100 {
		call := map[string]any{"id": "c", "status": "completed", "created_at": at(0)}
		var list []any
		for j := range attempts {
			n := i*attempts + j
			letter := string(rune('a' + n%20))
			result := string(revoxapi.Values[revoxapi.AttemptResult]()[n%5])
			if n%2 == 0 {
				result = "odd_" + letter
			}
			list = append(list, map[string]any{"id": fmt.Sprint(j), "status": "completed", "result": result,
				"ended_by": "odd_" + letter, "end_reason": "odd_" + letter, "dial_error": "odd_" + letter,
				"started_at": at(1), "answered_at": at(2 + n), "ended_at": at(3 + n + n*n/4)})
		}
		call["call_attempts"] = list
		text, err := json.Marshal(call)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, `,"call":`+string(text))
	}
	const listed = 10_000
	url := serveAlike(t, alike{2, 1_600_000, []string{""}}, alike{listed, len(rows), rows})
	p := runDeployed(t, url, "--revox.page-size=1000")
	for deadline := time.Now().Add(2 * programtest.Patience); ; time.Sleep(100 * time.Millisecond) {
		p.Get("/metrics", "Accept-Encoding", "gzip")
		_, up := p.Get("/metrics?name[]=revox_campaign_up")
		n := strings.Count(up, "\nrevox_campaign_up{")
		if n == campaigns.MaxSelected {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d campaigns are read", n)
		}
	}
	_, shown := p.Get("/metrics?name[]=revox_campaign_rows")
	withData := strings.Count(shown, "\nrevox_campaign_rows{")
	t.Logf("%d campaigns have data", withData)
	p.wantOverLimit(listed + 2 - withData)
	p.wantMemory()
}
