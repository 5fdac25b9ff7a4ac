//go:build !race

package faultmatrix

import (
	"fmt"
	"slices"
	"strings"
)

const head = `# What happens when

Written by ` + "`go test ./internal/faultmatrix -update`" + ` from what the exporter was seen to do: the whole exporter, reading a simulated API over HTTP, with a
clock of the test's own. ` + "`go test ./internal/faultmatrix`" + ` fails where anything here is no longer so.

Two campaigns of %d rows are read in pages of %d, every minute. One of them meets what the first column says; it is met in four ways:

1. *first scan*: by every request from the start on;
2. *later scan*: after complete scans, by each request for the second page, so that half of the campaign has been read;
3. *on scrape*: after complete scans, by every request, with ` + "`--scan.interval=0`" + `;
4. *once*: after complete scans, by a single request for the second page.

A cell with one entry holds for the first three; else they stand in this order, with slashes between them. *up* and *reason* are ` + "`revox_campaign_up`" + ` and the
` + "`reason`" + ` of ` + "`revox_campaign_scan_failures_total`" + ` after the first scan that meets the fault; *retries* counts what that scan asked again. *published* is what is
shown of the campaign's rows then: nothing, the last complete data, or the data of this scan, with what differs from that of the same rows read without a fault.
*warnings* are the lines of level warn or more in all the scans that meet it (%d), and *the log says* is the first of them. *back after* is how many minutes after the
fault's end the campaign is up again. *once* tells whether a fault that is met once is noticed by anything but the count of retries.

In every case the campaign beside it was read as ever, nothing was logged of it, what was served could be parsed, no personal word and no key stood in it or in the
log, and a failed scan changed nothing of what was published.
`

// render writes the document.
func render(all []group, seen [][][modes]observation) string {
	var b strings.Builder
	fmt.Fprintf(&b, head, rowsAfter, pageSize, failedScans)
	for i, g := range all {
		fmt.Fprintf(&b, "\n## %s\n\n| what happens | up | reason | retries | published | warnings | the log says | back after | once |\n|---|---|---|---|---|---|---|---|---|\n", g.name)
		for j, f := range g.faults {
			o := seen[i][j]
			fmt.Fprintf(&b, "| %s |", f.name)
			for _, field := range []func(observation) string{
				func(o observation) string { return o.up },
				func(o observation) string { return o.reason },
				func(o observation) string { return o.retries },
				func(o observation) string { return o.published },
				func(o observation) string { return o.warnings },
				func(o observation) string { return o.says },
				func(o observation) string { return o.back },
			} {
				fmt.Fprintf(&b, " %s |", cell(field(o[firstScan]), field(o[laterScan]), field(o[onScrape])))
			}
			fmt.Fprintf(&b, " %s |\n", onceCell(o[once]))
		}
	}
	return b.String()
}

func cell(values ...string) string {
	if !slices.ContainsFunc(values, func(v string) bool { return v != values[0] }) {
		values = values[:1]
	}
	for i, v := range values {
		if v == "" {
			values[i] = "–"
		}
	}
	return strings.ReplaceAll(strings.Join(values, " / "), "|", `\|`)
}

func onceCell(o observation) string {
	switch {
	case o.up == "0":
		return "down: " + o.reason
	case o.published != "all as it is":
		return cell(o.published)
	}
	return "not noticed"
}
