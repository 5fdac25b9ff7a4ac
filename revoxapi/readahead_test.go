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

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
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
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 75))
	met := meeting{all: make(chan struct{})}
	server.OnPage(func(_ string, page int) {
		if page > 0 && page <= atOnce {
			met.wait(t, atOnce)
		}
	})
	mustReadAll(t, newClient(t, server.URL, revoxapi.WithMaxInFlight(atOnce+1)), revoxapi.RowsParams{PageSize: 10}, makeRows(0, 75))
	if most := server.MaxInFlight(); most > atOnce+1 {
		t.Errorf("%d requests at once", most)
	}
}

// What is read ahead of its turn is kept, and so must be little.
func TestNoMorePagesAreReadAheadThanTheWindow(t *testing.T) {
	const window = 3
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 400))
	var taken atomic.Int64
	server.OnPage(func(_ string, page int) {
		// Of the page before the first that is waited for, all rows but the last may have been yielded.
		if ahead := int64(page) - taken.Load(); ahead > window+1 {
			t.Errorf("page %d was asked for when page %d was not taken", page, taken.Load())
		}
	})
	rows := 0
	onPage := func(o *apirequest.Options) { o.OnPage = func(p apirequest.Page) { rows += p.Fresh } }
	client := newClient(t, server.URL, revoxapi.WithMaxInFlight(window))
	yielded := 0
	for _, err := range revoxapi.Rows[row](t.Context(), client, campaignID, revoxapi.RowsParams{PageSize: 10}, onPage) {
		if err != nil {
			t.Fatal(err)
		}
		taken.Store(int64(yielded / 10))
		yielded++
	}
	if yielded != 400 || rows != 400 {
		t.Errorf("%d rows, %d on pages", yielded, rows)
	}
}

func TestAPageThatIsTooLargeToKeepIsReadAsAStream(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 100))
	server.AddFault(revoxtest.Fault{Page: revoxtest.Page(3), Behavior: revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
		return append(rows, makeRows(1000, 1011)...)
	})})
	summary := mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{PageSize: 10}, append(makeRows(0, 100), makeRows(1000, 1011)...))
	if summary.Duplicates != 0 {
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
		ids, _, err := readAll(client, revoxapi.RowsParams{PageSize: 10})
		var e *revoxapi.Error
		if !errors.As(err, &e) || e.Page != 3 || e.StatusCode != code || len(ids) != 30 {
			t.Errorf("%v after %d rows", err, len(ids))
		}
		if asked := server.RequestCount(); asked > 15 {
			t.Errorf("%d requests", asked)
		}
	}
	t.Run("the caller leaves the loop", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1000))
		rows := 0
		for range revoxapi.Rows[row](t.Context(), newClient(t, server.URL), campaignID, revoxapi.RowsParams{PageSize: 10}) {
			if rows++; rows == 35 {
				break
			}
		}
		// Goroutines that were left behind fail the tests of this package.
		if asked := server.RequestCount(); asked > 10 {
			t.Errorf("%d requests", asked)
		}
	})
	t.Run("the context", func(t *testing.T) {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1000))
		server.AddFault(revoxtest.Fault{Page: revoxtest.Page(20), Behavior: revoxtest.Hang()})
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		own := errors.New("over")
		rows := 0
		for _, err := range revoxapi.Rows[row](ctx, newClient(t, server.URL), campaignID, revoxapi.RowsParams{PageSize: 10}) {
			if rows++; rows == 195 {
				cancel(own)
			}
			if err == nil {
				continue
			}
			if e := asError(t, err, revoxapi.KindCanceled); !errors.Is(e, own) || e.CampaignID != campaignID {
				t.Errorf("%v after %d rows", err, rows)
			}
			return
		}
		t.Errorf("no error after %d rows", rows)
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
		server.Close() // a page that was read ahead in vain may still be made
		if err != nil {
			// Rows that move faster than they can be read are not a failure of the reader.
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
