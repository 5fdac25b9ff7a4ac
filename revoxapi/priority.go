package revoxapi

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// newLowPriority returns what requests of low priority acquire first, so that they never take the last of those that may
// be in flight; nil if there is only one.
func newLowPriority(maxInFlight int) *semaphore.Weighted {
	if maxInFlight == 1 {
		return nil
	}
	return semaphore.NewWeighted(int64(maxInFlight - 1))
}

// acquire waits until another request may be in flight and returns what must be called when it is over. Its error means
// that ctx ended.
func (c *Client) acquire(ctx context.Context, lowPriority func() bool) (release func(), err error) {
	if lowPriority == nil || c.lowPriority == nil || !lowPriority() {
		return func() { c.inFlight.Release(1) }, c.inFlight.Acquire(ctx, 1)
	}
	if err := c.lowPriority.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := c.inFlight.Acquire(ctx, 1); err != nil {
		c.lowPriority.Release(1)
		return nil, err
	}
	return func() { c.inFlight.Release(1); c.lowPriority.Release(1) }, nil
}
