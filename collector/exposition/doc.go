// Package exposition serves the campaigns in a [store.Store] at /metrics, in the text and protobuf formats.
//
//	handler, err := exposition.NewHandler(s, clock, registry, logger)
//
// The series of campaigns are rendered and compressed once, and kept until they change. Tests compare every byte with
// client_golang's. To add a campaign metric that no Tally counts, declare it in families.go and collect it in
// collect.go; one that a Tally counts needs nothing here.
package exposition
