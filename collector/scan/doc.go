// Package scan reads one campaign whole, or fails: it never returns half of one.
//
// A full scan reads every page. Later scans read the pages that are still open, and go by what they know of those that have
// settled ([Settled]), which is handed to them as a value:
//
//	scanner := &scan.Scanner{Client: client, Labels: labels, FullInterval: time.Hour}
//	first, err := scanner.Scan(ctx, id, time.Now(), nil)
//	later, err := scanner.Scan(ctx, id, time.Now(), first)
//
// It keeps nothing between scans, and neither publishes (package store) nor decides when to scan (package schedule).
package scan
