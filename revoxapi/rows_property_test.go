package revoxapi_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// oddServer is a server of rows at rest that decides each thing that the documentation leaves open in its own way.
type oddServer struct {
	Rows     int
	First    int    // number of the first page
	Before   string // what a page before the first gets: "400" "404" "422" "empty" "first"
	Past     string // what a page past the last gets: the same, or "last" for the last page again
	Total    string // "all" "page" (counts what it sends) "none"
	Numbered string // `page` is "asked" "real" "none"
	Sized    bool   // says `page_size`; where it does not, it does not cap it either
	Cap      int
	RowsOnly bool
}

func randomServer(random *rand.Rand) oddServer {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	s := oddServer{
		Rows:     random.IntN(45),
		First:    random.IntN(2),
		Before:   pick("400", "404", "422", "empty", "first"),
		Past:     pick("400", "404", "422", "empty", "empty", "first", "last"),
		Total:    pick("all", "all", "page", "none"),
		Numbered: pick("asked", "real", "none"),
		Sized:    random.IntN(2) == 0,
		RowsOnly: random.IntN(10) == 0,
	}
	if s.Sized {
		s.Cap = random.IntN(12)
	}
	return s
}

func (s oddServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rows := makeRows(0, s.Rows)
	if s.RowsOnly {
		_ = json.NewEncoder(w).Encode(map[string]any{"rows": rows})
		return
	}
	asked, _ := strconv.Atoi(r.URL.Query().Get("page"))
	size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
	if s.Cap > 0 {
		size = min(size, s.Cap)
	}
	last := s.First + max(0, s.Rows-1)/size
	number, instead := asked, ""
	switch {
	case asked < s.First:
		instead = s.Before
	case asked > last:
		instead = s.Past
	}
	switch instead {
	case "400", "404", "422":
		code, _ := strconv.Atoi(instead)
		http.Error(w, "no such page", code)
		return
	case "first":
		number = s.First
	case "last":
		number = last
	}
	part := []json.RawMessage{}
	if instead != "empty" {
		from := (number - s.First) * size
		part = rows[from:min(from+size, len(rows))]
	}
	answer := map[string]any{"rows": part}
	if s.Sized {
		answer["page_size"] = size
	}
	switch s.Numbered {
	case "asked":
		answer["page"] = asked
	case "real":
		answer["page"] = number
	}
	switch s.Total {
	case "all":
		answer["total"] = len(rows)
	case "page":
		answer["total"] = len(part)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// Whatever a server does where the documentation is silent, Rows yields its rows, each once, and ends.
func TestRowsOfAnyServer(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var server atomic.Pointer[oddServer]
	var requests atomic.Int64
	url := handler(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		server.Load().ServeHTTP(w, r)
	})
	for range 400 {
		s := randomServer(random)
		size := 1 + random.IntN(12)
		what := fmt.Sprintf("seed %d: %+v, page_size %d", seed, s, size)
		server.Store(&s)
		client := newClient(t, url)
		for scan := range 2 {
			requests.Store(0)
			got, summary, err := readAll(client, revoxapi.RowsParams{PageSize: size})
			if err != nil {
				t.Fatalf("%s: scan %d: %v", what, scan, err)
			}
			if want := idsOf(makeRows(0, s.Rows)); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: scan %d: %d rows, want %d: %v\n%+v", what, scan, len(got), len(want), got, summary)
			}
			if most := int64(s.Rows) + 8; requests.Load() > 2*most {
				t.Fatalf("%s: scan %d: %d requests", what, scan, requests.Load())
			}
		}
		client.CloseIdleConnections()
	}
}
