//go:build !race

package faultmatrix

import (
	"fmt"
	"slices"
	"strings"
)

const head = `# What happens when

These tables show what the exporter does at each fault. To make them, the whole exporter reads a simulated API over HTTP,
with a simulated clock. ` + "`go test ./internal/faultmatrix -update`" + ` writes them; without ` + "`-update`" + ` the test fails if
anything has changed.

Two campaigns of %d rows are read every minute, in pages of %d. One of them meets the fault of the first column, in four
ways:

1. *first scan*: with every request, from the start on;
2. *later scan*: after complete scans, with each request for the second page, when half of the campaign has been read;
3. *on scrape*: after complete scans, with every request, and with ` + "`--scan.interval=0`" + `;
4. *once*: after complete scans, with a single request for the second page.

If a cell has one entry, it is that of the first three ways. Otherwise it has three, in this order, with slashes between
them.

| column | meaning |
|---|---|
| up, reason | ` + "`revox_campaign_up`" + ` and the ` + "`reason`" + ` of ` + "`revox_campaign_scan_failures_total`" + ` after the first scan with the fault |
| retries | how many requests that scan sent again |
| published | what is then shown of the campaign: nothing, the last complete data, or the data of this scan, which is *correct* if it is that of the same rows read without a fault |
| warnings | log lines of level warn or error in the %d scans with the fault |
| the log says | the first of them |
| back after | after how many minutes without the fault the campaign is up again |
| once | whether a fault that happens once shows anywhere except in the count of retries |

Faults of the machine concern both campaigns. In every case the other campaign was read as usual, no warning was logged about it, and what was served could be parsed.
Neither it nor the log contained the key or anything personal. A failed scan did not change the published data.
`

// render writes the document.
func render(all []group, seen [][][modes]observation) string {
	var b strings.Builder
	fmt.Fprintf(&b, head, rowsAfter, pageSize, failedScans)
	for i, g := range all {
		fmt.Fprintf(&b, "\n## %s\n\n", g.name)
		b.WriteString("| what happens | up | reason | retries | published | warnings | the log says | back after | once |\n" +
			"|---|---|---|---|---|---|---|---|---|\n")
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
	case o.published != correct:
		return cell(o.published)
	}
	return "not noticed"
}
