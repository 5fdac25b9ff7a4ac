// Package exposition serves the campaigns in a [store.Store] at /metrics, in the text and protobuf formats.
//
//	handler, err := exposition.NewHandler(s, clock, registry, logger)
//
// Campaigns are rendered and compressed once in each format, and again when any of them has changed. Tests compare every
// byte with client_golang's. To add a campaign metric that no Tally counts, declare it in families.go; one that a Tally
// counts needs nothing here.
package exposition
