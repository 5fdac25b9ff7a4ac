// Package schedule decides when campaigns are scanned, and in which order: on an interval ([Intervals]) or on scrapes
// ([SharedScan]), a few at once ([Queue]), not while the API refuses the key ([KeyBreaker]), and later if the API asks
// for that ([HoldOff]).
//
// It does not know what a scan does: it calls a function.
//
//	queue := schedule.NewQueue(4, time.Minute/2)
//	scan := func(ctx context.Context, id string, due time.Time) (start time.Time) { ... }
//	intervals := schedule.NewIntervals(time.Minute, queue, clock, scan)
//	intervals.Select([]string{"c-1"})
//	intervals.Run(ctx) // scans c-1 each minute until ctx ends
package schedule
