package collector

import (
	"regexp"
	"sync"
	"time"
)

// causes remembers why scans of each campaign failed, as the log last said it. The zero value is ready to use. It is safe for
// concurrent use.
type causes struct {
	mu   sync.Mutex
	last map[string]loggedCause // by campaign
}

type loggedCause struct {
	text string
	at   time.Time
}

// sameCauseFor is how long a campaign's scans may fail for one reason until another cause is logged: causes may alternate.
const sameCauseFor = 10 * time.Minute

// numbers are what differs from one failure to the next: pages, bytes and times.
var numbers = regexp.MustCompile(`\d+`)

// log notes that the log now says why a scan failed.
func (c *causes) log(campaign string, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[string]loggedCause{}
	}
	c.last[campaign] = loggedCause{numbers.ReplaceAllString(err.Error(), ""), now}
}

// news reports whether a scan failed for another cause than the log says, which has said it for some time.
func (c *causes) news(campaign string, err error, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.last[campaign]
	return now.Sub(last.at) >= sameCauseFor && numbers.ReplaceAllString(err.Error(), "") != last.text
}

// forget forgets a campaign whose scans succeed, or that is no longer selected.
func (c *causes) forget(campaign string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.last, campaign)
}
