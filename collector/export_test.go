package collector

// What tests of the exported API look at or change beside it.

// Scrapers returns how many scrapes wait for the scan that goes on.
func (e *Exporter) Scrapers() int { return e.onScrape.Waiting() }

// Scans returns how many scans go on, and how many wait for their slots.
func (e *Exporter) Scans() (running, waiting int) { return e.queue.Scans() }

// CampaignFileInterval is the pause between two looks at the campaign file.
const CampaignFileInterval = campaignFileInterval
