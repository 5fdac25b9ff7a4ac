// Package known is what a scan leaves to the next one, so that this need not read every row: what can still happen to
// each row, and how the campaign's calls are retried.
//
// A scan makes its [Rows] from those of the scan before. It hands in each row that it reads, and counts it by its class:
//
//	next := before.Next(start)
//	next.Observe(&r, before.Resting.At(position), serverTime)
//	class, ok := next.Classify(&r) // not ok: only full scans can count it
//	class = next.Keep(position, &r, class)
//
// The package holds the rules about a row: which class it has, when it must be looked at again, and when it need not be
// read. Package scan decides what to read, and whether the answers add up. [Rows.Encode] and [Decode] are for a restart.
package known
