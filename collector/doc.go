// Package collector turns the rows of Revox campaigns into Prometheus metrics. An [Exporter] wires its subpackages:
//
//	exporter, err := collector.New(collector.Config{Client: client, Key: key, Logger: logger, CampaignIDs: ids, ...})
//	metrics, err := exporter.MetricsHandler(registry) // serve it at /metrics
//	exporter.Run(ctx)
//
// Data flows one way: packages campaigns and schedule decide what is scanned and when, package scan reads rows, package
// tally counts them, package store keeps the result of complete scans, and package exposition serves it.
package collector
