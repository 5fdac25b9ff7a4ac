// Package tally counts rows: which metric families there are, how a row adds to them, and how counts of parts of a
// campaign are merged, compared and stored.
//
// A [Tally] is made with [New], takes rows with [Tally.CountRow], and is read by [Family]:
//
//	labels := labelvalue.New(logger)
//	t := tally.New(labels)
//	t.CountRow(tally.Row{ID: "r-1"})
//	t.Rows()                                           // 1
//	t.Values.Counts[tally.Calls.Index].Of("completed") // 0: a known label value that was not counted
//
// It does no I/O, knows no campaign's history (that is package store) and renders nothing (package exposition). A new
// metric counted from rows starts here, in families.go and tally.go.
package tally
