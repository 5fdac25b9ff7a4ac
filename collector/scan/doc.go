// Package scan reads one whole campaign, or fails: it never returns a part of one.
//
// A full scan reads every page. Later scans read the open pages only. They take the result of the scan before, which
// knows the settled pages ([Settled]):
//
//	scanner := &scan.Scanner{Client: client, Labels: labels, RowTable: table, FullInterval: time.Hour}
//	first, err := scanner.Scan(ctx, id, time.Now(), nil, nil)
//	later, err := scanner.Scan(ctx, id, time.Now(), first, nil)
//
// The package keeps nothing between scans. Package store publishes results, and package schedule decides when to scan.
package scan
