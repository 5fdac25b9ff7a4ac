// Package schedule decides when a campaign is scanned, and which one is next: on an interval ([Intervals]) or on scrapes
// ([SharedScan]), a few at once ([Queue]), not while the API refuses the key ([KeyBreaker]), and later where the API asks for that
// ([HoldOff]).
//
// What a scan is, it does not know: it calls a function.
//
//	queue := schedule.NewQueue(4, time.Minute/2)
//	intervals := schedule.NewIntervals(time.Minute, queue, clock, func(ctx context.Context, id string, due time.Time) time.Time { ... })
//	intervals.Select([]string{"c-1"})
//	intervals.Run(ctx) // scans c-1 each minute until ctx ends
package schedule
