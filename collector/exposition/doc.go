// Package exposition serves what a [store.Store] has of campaigns at /metrics, as text and protobuf.
//
//	handler, err := exposition.NewHandler(s, clock, registry, logger)
//
// What campaigns show is rendered and compressed once and kept until it changes, so that a scrape costs what has changed since the
// one before. Tests hold every byte to what client_golang writes. A new metric of a campaign that no Tally counts is declared in
// families.go and collected in collect.go; one that is counted needs nothing here.
package exposition
