// Package cost sums up what scans take of the API.
package cost

import (
	"math"
	"time"
)

// Cost is what scans take: requests, retries included, and the bytes of their answers on the wire.
type Cost struct {
	Requests, Bytes int64
}

// Plus returns the sum of c and other.
func (c Cost) Plus(other Cost) Cost { return Cost{c.Requests + other.Requests, c.Bytes + other.Bytes} }

// Minus returns the difference of c and other.
func (c Cost) Minus(other Cost) Cost { return Cost{c.Requests - other.Requests, c.Bytes - other.Bytes} }

// Hour returns what scans take an hour that are made once per interval and take c, but full scans once per fullInterval,
// if that is not 0.
func (c Cost) Hour(interval time.Duration, full Cost, fullInterval time.Duration) Cost {
	times := func(n, full int64) int64 {
		scans, fullScans := float64(time.Hour)/float64(interval), 0.0
		if fullInterval > 0 {
			fullScans = float64(time.Hour) / float64(max(fullInterval, interval))
		}
		return int64(math.Round(float64(n)*(scans-fullScans) + float64(full)*fullScans))
	}
	return Cost{times(c.Requests, full.Requests), times(c.Bytes, full.Bytes)}
}
