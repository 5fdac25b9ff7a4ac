package sim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// newSimulation starts a server that ends with the test, for living campaigns.
func newSimulation(t *testing.T, opts ...revoxtest.Option) *sim.Simulation {
	t.Helper()
	s := sim.New(revoxtest.NewServer(opts...))
	t.Cleanup(s.Close)
	return s
}

// ask sends a request with the right key.
func ask(t *testing.T, s *sim.Simulation, path string) (code int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+revoxtest.APIKey)
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func get(t *testing.T, s *sim.Simulation, path string) []byte {
	t.Helper()
	code, body := ask(t, s, path)
	if code != http.StatusOK {
		t.Fatalf("GET %s: %d, %.200s", path, code, body)
	}
	return body
}

// status returns a campaign's status, and whether it is cancelled.
func status(t *testing.T, s *sim.Simulation, id string) string {
	t.Helper()
	var c struct {
		Campaign struct {
			Status      string
			IsCancelled bool `json:"is_cancelled"`
		}
	}
	if err := json.Unmarshal(get(t, s, "/campaigns/"+id), &c); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(c.Campaign.Status, " ", c.Campaign.IsCancelled)
}
