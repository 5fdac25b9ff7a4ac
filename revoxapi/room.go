package revoxapi

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// leavingRoom is the key of what LeavingRoom puts into a context.
type leavingRoom struct{}

// LeavingRoom returns a context whose requests leave room: while leave says so, they wait until they can have one of all
// the client's requests in flight but one, so that the requests of other contexts do not wait for answers to these. It
// changes nothing for a client that may have a single request in flight. leave must be safe for concurrent use.
func LeavingRoom(ctx context.Context, leave func() bool) context.Context {
	return context.WithValue(ctx, leavingRoom{}, leave)
}

// roomFor returns what limits the requests that leave room, nil where there is none to leave.
func roomFor(maxInFlight int) *semaphore.Weighted {
	if maxInFlight == 1 {
		return nil
	}
	return semaphore.NewWeighted(int64(maxInFlight - 1))
}

// acquire waits until another request may be in flight, and returns what is to be called when it is over. Its error is
// that ctx ended.
func (c *Client) acquire(ctx context.Context) (release func(), err error) {
	leave, _ := ctx.Value(leavingRoom{}).(func() bool)
	if leave == nil || c.leavingRoom == nil || !leave() {
		return func() { c.inFlight.Release(1) }, c.inFlight.Acquire(ctx, 1)
	}
	if err := c.leavingRoom.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := c.inFlight.Acquire(ctx, 1); err != nil {
		c.leavingRoom.Release(1)
		return nil, err
	}
	return func() { c.inFlight.Release(1); c.leavingRoom.Release(1) }, nil
}
