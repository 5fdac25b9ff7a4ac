package pages_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/pages"
)

// Requests share a call that begins after they arrive; each call begins after the one before has ended.
func TestReloadsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		calls, running := 0, 0
		release := make(chan struct{})
		h := pages.Reload(func() error {
			mu.Lock()
			calls, running = calls+1, running+1
			if running > 1 {
				t.Error("two calls at once")
			}
			mu.Unlock()
			<-release
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		})
		var clients sync.WaitGroup
		post := func(n int) {
			for range n {
				clients.Go(func() {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/-/reload", nil))
					if w.Code != http.StatusOK {
						t.Error(w.Code)
					}
				})
			}
			synctest.Wait()
		}
		want := func(n int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if calls != n {
				t.Errorf("%d calls, want %d", calls, n)
			}
		}
		post(1)
		post(10_000)
		want(1) // one runs, and all others wait for one
		release <- struct{}{}
		synctest.Wait()
		want(2)
		release <- struct{}{}
		clients.Wait()
		want(2)

		// One after the other, they are limited.
		close(release)
		begin := time.Now()
		for range 30 {
			post(1)
			clients.Wait()
		}
		want(32)
		if took := time.Since(begin); took < 25*time.Second || took > 32*time.Second {
			t.Errorf("30 reloads took %s, want one a second", took)
		}
	})
}
