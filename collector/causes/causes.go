// Package causes decides which failures are news for the log: those that go on are not.
package causes

import (
	"regexp"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Causes remembers why something failed, as the log last said it. The zero value is ready to use. It is safe for concurrent
// use.
type Causes struct {
	mu   sync.Mutex
	last map[string]cause
}

type cause struct {
	kind revoxapi.ErrorKind
	text string
	at   time.Time
}

// newsAfter is how long failures may be of one kind until another cause is news: causes may alternate.
const newsAfter = 10 * time.Minute

// numbers are what differs from one failure to the next: pages, bytes and times.
var numbers = regexp.MustCompile(`\d+`)

// News reports whether the log must say that something, such as the scans of a campaign, fails with err: it did not fail
// before, or with an error of another kind, or with another text for ten minutes. The log is then taken to say it.
func (c *Causes) News(of string, err error, now time.Time) bool {
	is := cause{revoxapi.KindOf(err), numbers.ReplaceAllString(err.Error(), ""), now}
	c.mu.Lock()
	defer c.mu.Unlock()
	was, failed := c.last[of]
	if failed && is.kind == was.kind && (is.text == was.text || now.Sub(was.at) < newsAfter) {
		return false
	}
	if c.last == nil {
		c.last = map[string]cause{}
	}
	c.last[of] = is
	return true
}

// Forget forgets what does not fail any more, or is gone.
func (c *Causes) Forget(of string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.last, of)
}
