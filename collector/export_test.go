package collector

// This file gives tests of the exported API access to internals.

// Scrapers returns the number of scrapes that wait for the running scan.
func (e *Exporter) Scrapers() int { return e.onScrape.Waiting() }

// Scans returns the number of running scans, and the number that wait for a slot.
func (e *Exporter) Scans() (running, waiting int) { return e.queue.Scans() }

// CampaignFileInterval is the time between two checks of the campaign file.
const CampaignFileInterval = campaignFileInterval
