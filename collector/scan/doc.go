// Package scan finds out what one campaign adds up to, or fails: it never returns a part of one.
//
// A full scan reads every row. A later scan takes the result of the scan before, which has what is known of each row
// (package known). It asks how many rows have each status, reads the rows whose calls go on, and checks that all this
// adds up; if it does not, the scan is a full one.
//
//	scanner := &scan.Scanner{Client: client, Labels: labels, RowTable: table, FullInterval: time.Hour}
//	first, err := scanner.Scan(ctx, id, time.Now(), nil, nil, nil)
//	later, err := scanner.Scan(ctx, id, time.Now(), first, nil, nil)
//
// The package keeps nothing between scans. Package store publishes results, and package schedule decides when to scan.
package scan
