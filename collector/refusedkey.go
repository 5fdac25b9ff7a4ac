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
	asker     string          // who was refused as such since the newest success, "" for nobody
	held      bool            // no request until authHoldOff after since, unless the key changes
	since     time.Time
	succeeded time.Time
}

// note is told how asker's request with a key went. An asker is a campaign, or the list of them: the key is taken to be
// refused as such once two were refused, since one alone may be what is wrong.
func (k *refusedKey) note(now time.Time, asker string, key revoxapi.Secret, err error) {
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
	if statusOf(err) == http.StatusUnauthorized && !within(k.recently, k.succeeded, now) {
		if k.asker != "" && k.asker != asker {
			k.held, k.since = true, now
		}
		k.asker = asker
	}
}

// holds tells whether requests are to wait.
func (k *refusedKey) holds(now time.Time) bool {
	k.mu.Lock()
	held := k.held && within(authHoldOff, k.since, now)
	k.mu.Unlock()
	return held && !k.changed()
}

// changed tells whether the key is another one than the one refused last.
func (k *refusedKey) changed() bool {
	key, err := k.source.Key()
	k.mu.Lock()
	defer k.mu.Unlock()
	return err == nil && !key.Equal(k.refused)
}
