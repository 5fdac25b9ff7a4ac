// Package rows remembers which rows a campaign had, and what each of them added to counters.
//
// A [Set] has a 64-bit hash of each row's id, and codes for what the row's call and attempts added to counters. A scan
// builds one with a [Builder], and package store compares it with that of the scan before: what a row that has vanished
// counted stays in the counters, and a row that comes back is not counted again.
//
//	b := rows.NewBuilder(table)
//	b.Add(rows.Key(r.ID), tally.CountRow(r))
//	now := b.Set()
//	vanished := before.Without(now)
//
// It takes about 13 bytes a row, and holds nothing else about it. A [List] is the order of the rows, and takes 1 to 4 bytes
// a row more.
package rows
