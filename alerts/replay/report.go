package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report writes the result of a replay.
func (r *replay) report(w io.Writer, v *verdict) {
	fmt.Fprintf(w, "Seed %d: %s to %s (UTC), fleet of %d campaigns.\n",
		r.seed, r.start.Format(time.DateOnly), r.end.Format(time.DateOnly), r.fleet.added)
	per := float64(max(1, r.loads.minutes))
	fmt.Fprintf(w, "%d scrapes, one per minute, in %s: %.1f simulated days per minute; "+
		"on average %.0f campaigns and %.0f series per minute.\n\n",
		r.loads.minutes, r.loads.wall.Round(time.Second), per/1440/r.loads.wall.Minutes(),
		float64(r.loads.campaignMinutes)/per, float64(r.loads.samples)/per)

	fmt.Fprintln(w, "INCIDENTS")
	table(w, "begins\tincident\tcampaign\tattempts\tlimit\tafter\tpages\talert\t", func(line func(...any)) {
		for _, in := range v.incidents {
			begins, after, alert, attempts := "never", "MISSED", "", "-"
			if in.begun() {
				begins = stamp(in.start)
			}
			if in.campaign != "" {
				attempts = fmt.Sprintf("%.0f", in.attempts)
			}
			if in.alert != nil {
				after, alert = minutes(in.delay()), in.alert.severity+" "+in.alert.alert
				if in.delay() > in.limit {
					after += " LATE"
				}
			}
			line(begins, in.class.name, cmp.Or(in.name, "(all)"), attempts, minutes(in.limit), after, in.pages, alert)
		}
	})

	fmt.Fprintln(w, "\nFALSE: alerts that no incident explains")
	r.unexplained(w, slices.Concat(v.pages, v.tickets))

	if len(v.held) > 0 {
		fmt.Fprintln(w, "\nHELD BACK: alerts that no incident explains, but that Alertmanager does not send, as others fire")
		r.unexplained(w, v.held)
	}

	fmt.Fprintln(w, "\nFOLLOWING: further alerts that an incident explains")
	table(w, "fires\tfor\tseverity\talert\tcampaign\tvalue\tincident\t", func(line func(...any)) {
		for _, e := range v.explained {
			line(stamp(e.start), r.lasted(e), e.severity, e.alert, r.nameOf(e.campaign), fmt.Sprintf("%.4g", e.value),
				e.causes[0].class.name)
		}
	})

	if len(v.others) > 0 {
		fmt.Fprintf(w, "\n%d alerts are neither pages nor tickets.\n", len(v.others))
	}
	for _, e := range v.unnamed {
		fmt.Fprintf(w, "\n%s %s does not name its campaign %s:\n%s", stamp(e.start), e.alert, r.nameOf(e.campaign), e.text)
	}
	sprung := map[string]int{}
	for _, t := range r.traps.list {
		sprung[t.what] += btoi(t.done)
	}
	fmt.Fprintln(w, "\nTRAPS, besides nights, weekends, ends, retries, small and old campaigns")
	for _, what := range slices.Sorted(maps.Keys(sprung)) {
		fmt.Fprintf(w, "  %d x %s\n", sprung[what], what)
	}

	fmt.Fprintf(w, "\nTOTAL: %d incidents, %d false pages, %d false tickets in %d days, %d held back, %d alerts that follow from incidents.\n",
		len(v.incidents), len(v.pages), len(v.tickets), r.days, len(v.held), len(v.explained))
	for _, text := range v.missed {
		fmt.Fprintln(w, "GOAL MISSED:", text)
	}
	if len(v.missed) == 0 {
		fmt.Fprintln(w, "All goals are met.")
	}
}

// unexplained writes alerts that no incident explains.
func (r *replay) unexplained(w io.Writer, episodes []*episode) {
	table(w, "fires\tfor\tseverity\talert\tcampaign\tvalue\ttraps nearby\t", func(line func(...any)) {
		for _, e := range episodes {
			line(stamp(e.start), r.lasted(e), e.severity, e.alert, r.nameOf(e.campaign), fmt.Sprintf("%.4g", e.value),
				strings.Join(r.traps.near(e.campaign, e.start), "; "))
		}
	})
}

func (r *replay) nameOf(campaign string) string {
	if m := r.fleet.members[campaign]; m != nil {
		return m.spec.Name
	}
	return cmp.Or(campaign, "(none)")
}

// lasted returns how long an alert fired.
func (r *replay) lasted(e *episode) string {
	end := e.end
	if end.IsZero() {
		end = r.end
	}
	return minutes(end.Sub(e.start))
}

// table writes lines in columns.
func table(w io.Writer, head string, lines func(line func(cells ...any))) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  "+head)
	lines(func(cells ...any) {
		fmt.Fprint(t, "  ")
		for _, cell := range cells {
			fmt.Fprintf(t, "%v\t", cell)
		}
		fmt.Fprintln(t)
	})
	_ = t.Flush() // there is nowhere to report that writing failed
}
