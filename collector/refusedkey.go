package collector

import (
	"net/http"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// refusedKey holds back every request while the API refuses the key as such, so that a wrong key is not tried once for
// each campaign. It is safe for concurrent use.
type refusedKey struct {
	source revoxapi.KeySource
	// recently is how long after a success a refusal is taken to be about one campaign only.
	recently time.Duration

	mu        sync.Mutex
	refused   revoxapi.Secret // refused last
	until     time.Time       // no request before, unless the key changes
	succeeded time.Time
}

// note is told how a request with a key went.
func (k *refusedKey) note(now time.Time, key revoxapi.Secret, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.succeeded, k.until = now, time.Time{}
		return
	}
	if revoxapi.KindOf(err) != revoxapi.KindAuth {
		return
	}
	k.refused = key
	if statusOf(err) == http.StatusUnauthorized && now.Sub(k.succeeded) > k.recently {
		k.until = now.Add(authHoldOff)
	}
}

// holds tells whether requests are to wait.
func (k *refusedKey) holds(now time.Time) bool {
	k.mu.Lock()
	until := k.until
	k.mu.Unlock()
	return now.Before(until) && !k.changed()
}

// changed tells whether the key is another one than the one refused last.
func (k *refusedKey) changed() bool {
	key, err := k.source.Key()
	k.mu.Lock()
	defer k.mu.Unlock()
	return err == nil && !key.Equal(k.refused)
}
