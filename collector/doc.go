// Package collector turns the rows of Revox campaigns into Prometheus metrics.
//
// Data flows one way: rows are read by a scan and counted in a [Tally]; the tally of a complete scan becomes what is
// published; the [Exporter]'s Collect shows it. Nothing flows back, and nothing that is shown comes from half a scan.
package collector
