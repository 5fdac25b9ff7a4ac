package schedule

import (
	"net/http"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// KeyBreaker holds back every request while the API refuses the key as such, so that a wrong key is not tried once for
// each campaign. It is safe for concurrent use.
type KeyBreaker struct {
	source revoxapi.KeySource
	// recently is how long after a success a refusal is taken to be about one campaign only.
	recently time.Duration

	mu        sync.Mutex
	refused   revoxapi.Secret // refused last
	asker     string          // who was refused as such since the newest success, "" for nobody
	held      bool            // no request until authHoldOff after since, unless the key changes
	since     time.Time
	succeeded time.Time
}

// NewKeyBreaker returns a KeyBreaker of a key that may be refused by some campaigns alone while, recently, others succeeded: within
// twice the scan interval, and five minutes at least.
func NewKeyBreaker(source revoxapi.KeySource, scanInterval time.Duration) *KeyBreaker {
	return &KeyBreaker{source: source, recently: max(2*scanInterval, authHoldOff)}
}

// Note takes in how asker's request with a key went. An asker is a campaign, or the list of them: the key is taken to be
// refused as such once two were refused, since one alone may be what is wrong.
func (k *KeyBreaker) Note(now time.Time, asker string, key revoxapi.Secret, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.succeeded, k.held, k.asker = now, false, ""
		return
	}
	if revoxapi.KindOf(err) != revoxapi.KindAuth {
		return
	}
	k.refused = key
	if revoxapi.StatusOf(err) == http.StatusUnauthorized && !Within(k.recently, k.succeeded, now) {
		if k.asker != "" && k.asker != asker {
			k.held, k.since = true, now
		}
		k.asker = asker
	}
}

// Holds reports whether requests must wait.
func (k *KeyBreaker) Holds(now time.Time) bool {
	k.mu.Lock()
	held := k.held && Within(authHoldOff, k.since, now)
	k.mu.Unlock()
	return held && !k.Changed()
}

// Changed reports whether the key is another one than the one refused last.
func (k *KeyBreaker) Changed() bool {
	key, err := k.source.Key()
	k.mu.Lock()
	defer k.mu.Unlock()
	return err == nil && !key.Equal(k.refused)
}
