package schedule

import (
	"net/http"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// KeyBreaker stops all requests while the API rejects the key itself, so that a wrong key is not tried again for each
// campaign. It is safe for concurrent use. Make one with NewKeyBreaker.
type KeyBreaker struct {
	source revoxapi.KeySource
	// recently is the time after a success in which a refusal is taken to concern one campaign only.
	recently time.Duration

	mu        sync.Mutex
	refused   revoxapi.Secret // the key that was refused last
	asker     string          // whose request was refused with 401 since the last success; "" if none was
	open      bool            // no requests until authHoldOff after since, unless the key changes
	since     time.Time
	succeeded time.Time
}

// NewKeyBreaker returns a KeyBreaker for the key of source. A refusal within twice the scan interval, or five minutes
// if that is longer, after a success is taken to concern one campaign only.
func NewKeyBreaker(source revoxapi.KeySource, scanInterval time.Duration) *KeyBreaker {
	return &KeyBreaker{source: source, recently: max(2*scanInterval, authHoldOff)}
}

// Note records the result of a request by asker, which is a campaign or the list of campaigns. The breaker opens when
// two different askers were refused, because one refusal may concern that campaign only.
func (k *KeyBreaker) Note(now time.Time, asker string, key revoxapi.Secret, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.succeeded, k.open, k.asker = now, false, ""
		return
	}
	if revoxapi.KindOf(err) != revoxapi.KindAuth {
		return
	}
	k.refused = key
	if revoxapi.StatusOf(err) == http.StatusUnauthorized && !Within(k.recently, k.succeeded, now) {
		if k.asker != "" && k.asker != asker {
			k.open, k.since = true, now
		}
		k.asker = asker
	}
}

// Holds reports whether requests must wait.
func (k *KeyBreaker) Holds(now time.Time) bool {
	k.mu.Lock()
	open := k.open && Within(authHoldOff, k.since, now)
	k.mu.Unlock()
	return open && !k.Changed()
}

// Changed reports whether the key differs from the one that was refused last.
func (k *KeyBreaker) Changed() bool {
	key, err := k.source.Key()
	k.mu.Lock()
	defer k.mu.Unlock()
	return err == nil && !key.Equal(k.refused)
}
