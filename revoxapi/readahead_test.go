package revoxapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// meeting lets requests for pages wait for each other. It gives up after a while, so that a reader which asks for one
// after another fails and does not hang.
type meeting struct {
	mu      sync.Mutex
	waiting int
	all     chan struct{}
}

func (m *meeting) wait(t *testing.T, n int) {
	m.mu.Lock()
	if m.waiting++; m.waiting == n {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
	case <-time.After(20 * time.Second):
		t.Errorf("%d requests never were under way at once", n)
	}
}

func TestSeveralPagesAreReadAtOnce(t *testing.T) {
	const atOnce = 3
	for name, read := range map[string]func(client *revoxapi.Client) int{
		"AllRows": func(client *revoxapi.Client) int {
			return mustReadAll(t, client, revoxapi.RowsParams{PageSize: 10}, makeRows(0, 75)).Rows
		},
		"ReadPages": func(client *revoxapi.Client) (rows int) {
			var pages []revoxapi.PageRequest
			for n := range 8 {
				pages = append(pages, revoxapi.PageRequest{Number: n})
			}
			results, err := readPages(client, 10, pages...)
			for i, p := range results {
				if rows += len(p.Rows); p.Number != i || p.Rows[0].ID != idOf(10*i) {
					t.Errorf("page %d came in place of %d", p.Number, i)
				}
			}
			if err != nil {
				t.Error(err)
			}
			return rows
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t)
			server.SetRows(campaignID, "c", makeRows(0, 75))
			met := meeting{all: make(chan struct{})}
			server.OnPage(func(_ string, page int) {
				if page > 0 && page <= atOnce {
					met.wait(t, atOnce)
				}
			})
			if rows := read(newClient(t, server.URL, revoxapi.WithMaxInFlight(atOnce+1))); rows != 75 {
				t.Errorf("%d rows", rows)
			}
			if most := server.MaxInFlight(); most > atOnce+1 {
				t.Errorf("%d requests at once", most)
			}
		})
	}
}

// What is read ahead of its turn is kept, and so must be little.
func TestNoMorePagesAreReadAheadThanTheWindow(t *testing.T) {
	const window = 3
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 400))
	var taken atomic.Int64
	server.OnPage(func(_ string, page int) {
		// The rows of the page before the first that is waited for may all be handed over but for the last.
		if ahead := int64(page) - taken.Load(); ahead > window+1 {
			t.Errorf("page %d was asked for when page %d was not taken", page, taken.Load())
		}
	})
	rows := 0
	_, err := revoxapi.AllPages(context.Background(), newClient(t, server.URL, revoxapi.WithMaxInFlight(window)), campaignID, revoxapi.RowsParams{PageSize: 10}, func(page int, _ row) error {
		taken.Store(int64(page))
		rows++
		return nil
	})
	if err != nil || rows != 400 {
		t.Errorf("%v after %d rows", err, rows)
	}
}

func TestAPageThatIsTooLargeToKeepIsReadAsAStream(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 100))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(3), Behavior: revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
		return append(rows, makeRows(1000, 1011)...)
	})})
	summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{PageSize: 10}, append(makeRows(0, 100), makeRows(1000, 1011)...))
	if summary.Duplicates != 0 || summary.Layout != nil {
		t.Errorf("%+v", summary)
	}
	asked := 0
	for _, r := range server.Requests() {
		if r.Query.Get("page") == "3" {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("the page was asked for %d times, want 2", asked)
	}
}

// The error is that of the first page that fails, whichever fails first, and nothing goes on after it.
func TestReadingAheadEndsAtTheFirstError(t *testing.T) {
	for _, code := range []int{401, 500} {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1000))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(3), Behavior: revoxtest.Status(code, nil, "")})
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(4), Behavior: revoxtest.Reset()})
		client := newClient(t, server.URL, revoxapi.WithMaxRetries(1))
		rows := 0
		_, err := revoxapi.AllRows(context.Background(), client, campaignID, revoxapi.RowsParams{PageSize: 10}, func(row) error { rows++; return nil })
		var e *revoxapi.Error
		if !errors.As(err, &e) || e.Page != 3 || e.StatusCode != code || rows != 30 {
			t.Errorf("%v after %d rows", err, rows)
		}
		if asked := server.RequestCount(); asked > 15 {
			t.Errorf("%d requests", asked)
		}
	}
	t.Run("the caller's", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1000))
		own := errors.New("enough")
		rows := 0
		_, err := revoxapi.AllRows(context.Background(), newClient(t, server.URL), campaignID, revoxapi.RowsParams{PageSize: 10}, func(row) error {
			if rows++; rows == 35 {
				return own
			}
			return nil
		})
		if err != own || rows != 35 {
			t.Errorf("%v after %d rows", err, rows)
		}
	})
	t.Run("the context", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1000))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(20), Behavior: revoxtest.Hang()})
		ctx, cancel := context.WithCancelCause(context.Background())
		own := errors.New("over")
		rows := 0
		_, err := revoxapi.AllRows(ctx, newClient(t, server.URL), campaignID, revoxapi.RowsParams{PageSize: 10}, func(row) error {
			if rows++; rows == 195 {
				cancel(own)
			}
			return nil
		})
		if e := asError(t, err, revoxapi.KindCanceled); !errors.Is(e, own) || e.CampaignID != campaignID {
			t.Errorf("%v after %d rows", err, rows)
		}
	})
}

// Rows come, or go, while several pages are read at once: what is there all the time is found, each row once. (Where as
// many come as go, no reader of pages can know.)
func TestReadingAheadWhileRowsMove(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 150 {
		server := newServer(t, revoxtest.WithFirstPage(random.IntN(2)), revoxtest.WithPageSizeCap(random.IntN(2)*7))
		here := makeRows(0, 20+random.IntN(80))
		stay := idsOf(here)
		server.SetRows(campaignID, "c", here)
		var mu sync.Mutex
		moves, next, come := random.IntN(4), 10_000, random.IntN(2) == 0
		server.OnPage(func(string, int) {
			mu.Lock()
			defer mu.Unlock()
			if moves == 0 || random.IntN(3) > 0 {
				return
			}
			moves--
			at := random.IntN(len(here) + 1)
			rows := append([]json.RawMessage{}, here[:at]...)
			if come {
				n := 1 + random.IntN(12)
				rows = append(append(rows, makeRows(next, next+n)...), here[at:]...)
				next += n
			} else {
				if at == len(here) {
					return
				}
				gone := idsOf(here[at : at+1])[0]
				for i, id := range stay {
					if id == gone {
						stay = append(stay[:i:i], stay[i+1:]...)
						break
					}
				}
				rows = append(rows, here[at+1:]...)
			}
			here = rows
			server.SetRows(campaignID, "", here)
		})
		got, summary, err := readAll(newClient(t, server.URL), revoxapi.RowsParams{PageSize: 10})
		if err != nil {
			// Moving faster than can be read is no failure of the reader.
			asError(t, err, revoxapi.KindIncomplete)
			continue
		}
		found := map[string]int{}
		for _, id := range got {
			found[id]++
		}
		for _, id := range stay {
			if found[id] != 1 {
				t.Fatalf("seed %d: %s was found %d times: %+v", seed, id, found[id], summary)
			}
		}
		if len(found) != len(got) {
			t.Fatalf("seed %d: %s", seed, fmt.Sprint(got))
		}
	}
}
