package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// worlds are small: each has one kind of trap or incident.
func worlds() []*world {
	berlin := "Europe/Berlin"
	spring := time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC) // Thursday; clocks go forward on Sunday
	autumn := time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC)
	halfHoliday := func(local time.Time) bool {
		return officeHours(local) && (local.YearDay() != at(1, 0, 0).YearDay() || local.Hour() < 12)
	}
	everyDay := func(local time.Time) bool { return local.Hour() >= 8 && local.Hour() < 20 }
	notOn := func(day int, open func(time.Time) bool) func(time.Time) bool {
		return func(local time.Time) bool { return open(local) && local.Day() != day }
	}
	office := func(i int, c *worldCampaign) {
		c.place = berlin
		if i%2 == 0 {
			c.open = everyDay
		}
	}
	stop := stopped(at(1, 13, 20), at(1, 15, 40), 0)
	batches := func(i int, c *worldCampaign) { c.batches = time.Duration(10+10*i) * time.Minute }
	const aboutTools = "RevoxToolFailing|RevoxToolFailingEverywhere"
	exporters := "RevoxExporter.*|RevoxShardMissing|RevoxCampaignsUnseen|RevoxCampaignsVanished|RevoxCampaignListEmpty"
	return []*world{
		{
			name: "stalls are told by pace", days: 1.65, history: 1.52,
			campaigns: []*worldCampaign{
				{id: "4 a minute", pace: 4, factor: stop},
				{id: "1 a minute", pace: 1, factor: stop},
				{id: "0.3 a minute", pace: 0.3, factor: stop},
				{id: "trickle", pace: 2, factor: stopped(at(1, 13, 20), at(1, 15, 40), 0.04)},
				{id: "zombie", pace: 2, factor: stop, zombie: at(1, 9, 30)},
			},
			tells: []told{
				{"RevoxCampaignStalled", "4 a minute", at(1, 13, 25), at(1, 13, 28)},
				{"RevoxCampaignStalled", "1 a minute", at(1, 13, 33), at(1, 13, 43)},
				{"RevoxCampaignStalled", "0.3 a minute", at(1, 14, 0), at(1, 14, 40)},
				{"RevoxCampaignStalled", "trickle", at(1, 13, 27), at(1, 13, 40)},
				{"RevoxCampaignStalled", "zombie", at(1, 13, 27), at(1, 13, 35)},
				{"RevoxCallsStalledEverywhere", "", at(1, 13, 25), at(1, 13, 34)},
			},
		},
		{
			name: "a half holiday is one ticket", days: 1.8, history: 1.45,
			campaigns: paced(6, 0.15, 4, func(_ int, c *worldCampaign) { c.open = halfHoliday }),
			tells:     []told{{"RevoxCampaignsIdle", "", at(1, 12, 10), at(1, 13, 30)}},
		},
		{
			name: "paced campaigns are quiet", long: true, days: 2.8, history: 1.3, evaluate: 2 * time.Minute,
			campaigns: paced(16, 0.1, 0.6, nil),
		},
		{
			name: "campaigns that dial in batches are quiet", days: 2.8, history: 1, evaluate: 2 * time.Minute,
			campaigns: paced(8, 0.2, 2, batches),
		},
		{
			name: "campaigns that dial in batches are quiet after a weekend, at evaluations every 5 minutes", long: true,
			start: worldStart.Add(3 * 24 * time.Hour), days: 4.8, evaluate: 5 * time.Minute,
			campaigns: paced(8, 0.2, 2, batches),
		},
		{
			name: "lists that end are quiet", long: true, days: 2.8, history: 1.3, evaluate: 2 * time.Minute,
			campaigns: paced(12, 0.3, 3, func(i int, c *worldCampaign) { c.rows = int(c.pace * 60 * 9 * (0.3 + float64(i%6)*0.2)) }),
		},
		{
			name: "short Fridays are quiet, the first and the second", long: true,
			start: worldStart.Add(3 * 24 * time.Hour), days: 8.8, evaluate: 5 * time.Minute,
			campaigns: paced(6, 0.15, 4, func(_ int, c *worldCampaign) { c.open = closesAt(time.Friday, 13) }),
		},
		{
			name: "clocks that go forward are quiet", long: true, start: spring, days: 6, evaluate: 5 * time.Minute,
			campaigns: paced(6, 0.15, 4, office),
		},
		{
			name: "clocks that go back are quiet", long: true, start: autumn, days: 6, evaluate: 5 * time.Minute,
			campaigns: paced(6, 0.15, 4, office),
		},
		{
			name: "a stall and a queue that does not begin are told, at scrapes and evaluations every 5 minutes", days: 2.7,
			scrape: 5 * time.Minute, evaluate: 5 * time.Minute,
			campaigns: []*worldCampaign{
				{id: "stalls", pace: 2, factor: stopped(at(1, 11, 20), at(1, 15, 0), 0)},
				{id: "does not begin", pace: 1, factor: stopped(at(2, 8, 0), at(2, 20, 0), 0)},
				{id: "well", pace: 0.5}, {id: "fast", pace: 6},
			},
			tells: []told{
				{"RevoxCampaignStalled", "stalls", at(1, 11, 27), at(1, 12, 0)},
				{"RevoxCampaignNotStarted", "does not begin", at(2, 9, 10), at(2, 10, 0)},
			},
		},
		{
			name: "one cause of 100 small campaigns is one page", long: true, days: 1.75, history: 1.4, evaluate: 2 * time.Minute,
			alerts:    ".*Everywhere|RevoxCallsErrored|RevoxCallsCannotLeave|RevoxCampaignStalled",
			campaigns: paced(100, 0.08, 0.12, func(_ int, c *worldCampaign) { c.factor = stopped(at(1, 17, 14), at(1, 18, 0), 0) }),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				in := func(hour int) bool { return now.After(at(1, hour, 10)) && now.Before(at(1, hour, 50)) }
				if in(10) && hit(c, now, 0.9) {
					a.dialError = "precondition_failed"
				}
				if in(11) && len(c.id) == 2 && hit(c, now, 0.8) || in(12) && c.id[len(c.id)-1] < '3' && hit(c, now, 0.8) {
					a.dialError = "non_classified_error" // of one number
				}
				a.system = a.system || in(13) && hit(c, now, 0.8)
				a.errored = a.errored || in(14) && hit(c, now, 0.35)
				a.short = a.short || in(15) && hit(c, now, 0.8) // an hour after calls that the system ended, which are short too
				if in(16) {
					a.human /= 4
				}
			},
			tells: []told{
				{"RevoxCallsCannotLeaveEverywhere", "", at(1, 10, 10), at(1, 10, 18)},
				{"RevoxCallsCannotLeaveEverywhere", "", at(1, 12, 10), at(1, 12, 25)},
				{"RevoxCallsEndedBySystemEverywhere", "", at(1, 13, 10), at(1, 13, 25)},
				{"RevoxCallsErroredEverywhere", "", at(1, 14, 10), at(1, 14, 25)},
				{"RevoxTalksCutShortEverywhere", "", at(1, 15, 10), at(1, 15, 20)},
				{"RevoxAnswersDroppedEverywhere", "", at(1, 16, 10), at(1, 16, 55)},
				{"RevoxCallsStalledEverywhere", "", at(1, 17, 16), at(1, 17, 40)},
			},
			other: []string{"RevoxTalksCutShortEverywhere", "RevoxCallsCannotLeave", "RevoxCallsErrored"},
			leads: map[string]string{
				"RevoxCallsCannotLeave": "RevoxCallsCannotLeaveEverywhere",
				"RevoxCallsErrored":     "RevoxCallsErroredEverywhere",
			},
		},
		{
			name: "what goes on for hours is a ticket, and a few failures are not", long: true, days: 1.75, evaluate: 2 * time.Minute,
			alerts: "Revox(Throttled|CallsCannotLeave|CallsEndedBySystem|TalksCutShort|CallsErrored).*",
			campaigns: append(paced(16, 0.3, 4, nil), &worldCampaign{id: "throttled", pace: 4}, &worldCampaign{id: "cannot leave", pace: 3},
				&worldCampaign{id: "system", pace: 4}, &worldCampaign{id: "short", pace: 4}, &worldCampaign{id: "errored", pace: 4}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if now.Before(at(1, 9, 0)) {
					return
				}
				switch {
				case c.id == "throttled" && hit(c, now, 0.08):
					a.dialError = "too_many_calls"
				case c.id == "cannot leave" && hit(c, now, 0.15):
					a.dialError = "precondition_failed"
				case c.id == "system" && hit(c, now, 0.2):
					a.system = true
				case c.id == "short" && hit(c, now, 0.3):
					a.short = true
				case c.id == "errored" && hit(c, now, 0.05):
					a.errored = true
				}
			},
			tells: []told{
				{"RevoxThrottledOften", "throttled", at(1, 9, 20), at(1, 16, 0)},
				{"RevoxCallsCannotLeaveOften", "cannot leave", at(1, 9, 20), at(1, 16, 0)},
				{"RevoxCallsEndedBySystemOften", "system", at(1, 9, 20), at(1, 16, 0)},
				{"RevoxTalksCutShortOften", "short", at(1, 9, 20), at(1, 16, 0)},
				{"RevoxTalksCutShortOften", "system", at(1, 9, 20), at(1, 18, 0)}, // calls that the system ends are short
				{"RevoxCallsErroredOften", "errored", at(1, 9, 20), at(1, 17, 0)},
			},
			// A quarter of few is by chance half of fewer.
			other: []string{"RevoxCallsEndedBySystem", "RevoxTalksCutShort", "RevoxCallsErrored"},
		},
		{
			name: "agents and carriers that break are told of slow campaigns, and pages do not flap", days: 1.75,
			alerts: "Revox(Throttled|CallsEndedBySystem|TalksCutShort|CallsErrored)",
			campaigns: []*worldCampaign{{id: "short 1", pace: 1.2}, {id: "short 3", pace: 3}, {id: "system 1", pace: 1.2},
				{id: "system half", pace: 3}, {id: "throttled 1", pace: 1.2}, {id: "errored 1", pace: 1.2}, {id: "well", pace: 1.2}},
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if now.Before(at(1, 12, 0)) || now.After(at(1, 16, 0)) {
					return
				}
				switch {
				case c.id[:3] == "sho" && hit(c, now, 0.85):
					a.short = true
				case c.id == "system 1" && hit(c, now, 0.85), c.id == "system half" && hit(c, now, 0.55):
					a.system = true
				case c.id == "throttled 1" && hit(c, now, 0.45):
					a.dialError = "too_many_calls"
				case c.id == "errored 1" && hit(c, now, 0.35):
					a.errored = true
				}
			},
			tells: []told{
				{"RevoxTalksCutShort", "short 1", at(1, 12, 5), at(1, 12, 50)},
				{"RevoxTalksCutShort", "short 3", at(1, 12, 5), at(1, 12, 20)},
				{"RevoxCallsEndedBySystem", "system 1", at(1, 12, 5), at(1, 12, 45)},
				{"RevoxCallsEndedBySystem", "system half", at(1, 12, 5), at(1, 12, 45)},
				{"RevoxThrottled", "throttled 1", at(1, 12, 5), at(1, 12, 35)},
				{"RevoxCallsErrored", "errored 1", at(1, 12, 5), at(1, 12, 50)},
			},
			other: []string{"RevoxTalksCutShort", "RevoxCallsEndedBySystem", "RevoxThrottled"}, // twice in four hours
		},
		{
			name: "answers of first attempts that drop are told, and retries that answer less are not", long: true, days: 2.65, history: 1.35, evaluate: 2 * time.Minute,
			alerts: "RevoxAnswersDropped",
			campaigns: []*worldCampaign{
				{id: "4 a minute", pace: 4}, {id: "10 a minute", pace: 10},
				{id: "mostly retries", pace: 10}, {id: "retries only", pace: 6},
				{id: "ends 1", pace: 2, rows: 1000}, {id: "ends 2", pace: 3, rows: 1200}, {id: "ends 3", pace: 6, rows: 2000},
			},
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if c.rows > 0 && hit(c, now, math.Min(1, c.attempts/float64(c.rows)/2)) {
					a.retry = true
				}
				if c.id == "mostly retries" && hit(c, now, 0.4) { // three in four with those that are retries anyway
					a.retry = true
				}
				if c.id == "retries only" && now.After(at(2, 11, 0)) {
					a.retry = true // the list has no more first attempts
				}
				if a.retry {
					a.human /= 5
				}
				if c.rows == 0 && c.id != "retries only" && now.After(at(2, 13, 0)) {
					a.human /= 4
				}
			},
			tells: []told{
				{"RevoxAnswersDropped", "4 a minute", at(2, 13, 5), at(2, 14, 15)}, // 1.6 of them are first attempts
				{"RevoxAnswersDropped", "10 a minute", at(2, 13, 5), at(2, 13, 35)},
				{"RevoxAnswersDropped", "mostly retries", at(2, 13, 5), at(2, 13, 50)},
			},
		},
		{
			name: "one cause of 12 campaigns is told before their own pages", days: 1.65, history: 1.4,
			alerts:    "Revox(Throttled|CallsCannotLeave|CallsEndedBySystem|TalksCutShort|CallsErrored)(Everywhere)?|RevoxCampaignStalled|RevoxCallsStalledEverywhere",
			campaigns: paced(12, 1, 4, func(_ int, c *worldCampaign) { c.factor = stopped(at(1, 14, 20), at(1, 15, 20), 0) }),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				in := func(hour int) bool { return now.After(at(1, hour, 10)) && now.Before(at(1, hour, 30)) }
				if in(10) && hit(c, now, 0.9) { // no credit
					a.dialError = "precondition_failed"
				}
				if in(11) && hit(c, now, 0.7) {
					a.dialError = "too_many_calls"
				}
				a.system = a.system || in(12) && hit(c, now, 0.8) // one provider's outage
				a.errored = a.errored || in(13) && hit(c, now, 0.5)
			},
			tells: []told{
				{"RevoxCallsCannotLeaveEverywhere", "", at(1, 10, 10), at(1, 10, 15)},
				{"RevoxThrottledEverywhere", "", at(1, 11, 10), at(1, 11, 17)},
				{"RevoxCallsEndedBySystemEverywhere", "", at(1, 12, 10), at(1, 12, 17)},
				{"RevoxCallsErroredEverywhere", "", at(1, 13, 10), at(1, 13, 20)},
				{"RevoxCallsStalledEverywhere", "", at(1, 14, 22), at(1, 14, 27)},
			},
			other: []string{
				"RevoxCallsCannotLeave", "RevoxThrottled", "RevoxCallsEndedBySystem", "RevoxTalksCutShort", "RevoxTalksCutShortEverywhere",
				"RevoxCallsErrored", "RevoxCampaignStalled",
			},
			leads: map[string]string{
				"RevoxThrottled":          "RevoxThrottledEverywhere",
				"RevoxCallsErrored":       "RevoxCallsErroredEverywhere",
				"RevoxCallsCannotLeave":   "RevoxCallsCannotLeaveEverywhere",
				"RevoxCallsEndedBySystem": "RevoxCallsEndedBySystemEverywhere",
				"RevoxTalksCutShort":      "RevoxCallsEndedBySystemEverywhere",
				"RevoxCampaignStalled":    "RevoxCallsStalledEverywhere",
			},
		},
		{
			name: "one of 50,000 beside slow ones is paused, is told of, and is no matter of all", long: true, days: 2.62, history: 2.4,
			alerts: "Revox(Calls|Campaign(Stalled|NotStarted|sIdle)|Answers|Talks|Throttled|BadList|Voicemail|Screening).*",
			campaigns: append(paced(4, 0.3, 1, nil), &worldCampaign{
				id: "large", pace: 40, rows: 50000, factor: stopped(at(2, 14, 20), at(2, 16, 0), 0),
				paused: func(now time.Time) bool { return now.After(at(1, 11, 0)) && now.Before(at(1, 13, 25)) },
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if c.rows > 0 && now.After(at(2, 12, 10)) {
					a.human /= 4
				}
			},
			tells: []told{
				{"RevoxAnswersDropped", "large", at(2, 12, 15), at(2, 12, 35)},
				{"RevoxCampaignStalled", "large", at(2, 14, 22), at(2, 14, 27)},
			},
		},
		{
			name: "a campaign that is renamed while it stands still is told of once", days: 1.68, history: 1.52,
			campaigns: append(paced(3, 0.5, 3, nil), &worldCampaign{
				id: "renamed", pace: 2, factor: stopped(at(1, 13, 20), at(1, 16, 0), 0), renamed: at(1, 14, 0),
			}),
			tells: []told{{"RevoxCampaignStalled", "renamed", at(1, 13, 27), at(1, 13, 32)}},
		},
		{
			name: "at scrapes and evaluations every 15 seconds, a stall is told and pace is not", days: 1.62, history: 1.46,
			scrape: 15 * time.Second, evaluate: 15 * time.Second,
			campaigns: append(paced(4, 0.1, 0.6, nil), &worldCampaign{id: "stalls", pace: 4, factor: stopped(at(1, 13, 20), at(1, 16, 0), 0)}),
			tells:     []told{{"RevoxCampaignStalled", "stalls", at(1, 13, 23), at(1, 13, 28)}},
		},
		{
			name: "a holiday is one ticket, the day after is quiet, and so are pauses, a new campaign and slow drifts", long: true,
			days: 3.8, history: 1.3, evaluate: 5 * time.Minute,
			campaigns: paced(7, 0.15, 4, func(i int, c *worldCampaign) {
				c.open = func(local time.Time) bool { return officeHours(local) && local.Day() != 3 }
				switch i {
				case 2, 5:
					c.paused = func(now time.Time) bool { return now.After(at(1, 10, 35)) && now.Before(at(1, 14, 5)) }
				case 3:
					c.from = at(1, 9, 40)
				case 4: // to a tenth of its pace, each day within the day
					c.factor = func(now time.Time) float64 { return math.Pow(0.1, float64(now.Hour()-9)/9) }
				case 6: // to a third of its pace from day to day
					c.factor = func(now time.Time) float64 { return math.Pow(1.0/3, now.Sub(worldStart).Hours()/72) }
				}
			}),
			tells: []told{{"RevoxCampaignsIdle", "", at(2, 9, 10), at(2, 10, 30)}},
		},
		{
			name: "a holiday of campaigns that begin at different times is one ticket", days: 2.9, history: 1.9, evaluate: 2 * time.Minute,
			campaigns: append(paced(5, 0.3, 3, func(_ int, c *worldCampaign) { c.open = notOn(3, officeHours) }),
				&worldCampaign{id: "early", pace: 1, open: notOn(3, everyDay)}),
			tells: []told{{"RevoxCampaignsIdle", "", at(2, 8, 10), at(2, 9, 30)}},
		},
		{
			name: "Fridays that end early, off a full hour, page once", long: true, days: 19.8, evaluate: 5 * time.Minute,
			campaigns: append(paced(3, 0.6, 3, func(_ int, c *worldCampaign) { c.place = berlin }),
				&worldCampaign{id: "short", pace: 2, place: berlin, open: func(local time.Time) bool {
					return officeHours(local) && (local.Weekday() != time.Friday || local.Hour()*60+local.Minute() < 13*60+30)
				}}),
			tells: []told{{"RevoxCampaignStalled", "short", at(4, 11, 35), at(4, 11, 55)}},
		},
		{
			name: "a campaign that calls on alternate days pages on the first without", long: true, days: 4.9, evaluate: 5 * time.Minute,
			campaigns: append(paced(3, 1, 2, nil), &worldCampaign{id: "alternate", pace: 1, open: func(local time.Time) bool {
				return officeHours(local) && local.Weekday()%2 == 1
			}}),
			tells: []told{{"RevoxCampaignNotStarted", "alternate", at(1, 9, 10), at(1, 9, 30)}},
		},
		{
			name: "cold calls, of which a quarter hangs up at once, are no page", long: true, days: 1.75, history: 1.3, evaluate: 2 * time.Minute,
			alerts:    "RevoxTalksCutShort|RevoxTalksCutShortEverywhere",
			campaigns: paced(10, 1, 6, nil),
			incident:  func(c *worldCampaign, now time.Time, a *worldAttempt) { a.short = hit(c, now, 0.15) },
		},
		{
			name: "one cause of six in twenty campaigns is told as one", long: true, days: 1.73, history: 1.38,
			alerts: "Revox(Throttled|CallsCannotLeave|CallsEndedBySystem|TalksCutShort|CallsErrored)(Everywhere)?|RevoxCampaignStalled|RevoxCallsStalledEverywhere",
			campaigns: paced(20, 1.5, 3, func(i int, c *worldCampaign) {
				if i < 4 {
					c.factor = stopped(at(1, 15, 20), at(1, 16, 0), 0)
				}
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				in := func(hour int) bool {
					return strings.Contains("c0 c1 c2 c3 c4 c5", c.id) && now.After(at(1, hour, 10)) && now.Before(at(1, hour, 50))
				}
				if in(10) && hit(c, now, 0.6) {
					a.dialError = "too_many_calls"
				}
				if in(12) && hit(c, now, 0.9) {
					a.dialError = "precondition_failed"
				}
				a.system = a.system || in(14) && hit(c, now, 0.7)
			},
			tells: []told{
				{"RevoxThrottledEverywhere", "", at(1, 10, 10), at(1, 10, 22)},
				{"RevoxCallsCannotLeaveEverywhere", "", at(1, 12, 10), at(1, 12, 22)},
				{"RevoxCallsEndedBySystemEverywhere", "", at(1, 14, 10), at(1, 14, 40)},
				{"RevoxCallsStalledEverywhere", "", at(1, 15, 22), at(1, 15, 40)},
			},
			other: []string{
				"RevoxCallsCannotLeave", "RevoxThrottled", "RevoxCallsEndedBySystem", "RevoxTalksCutShort", "RevoxTalksCutShortEverywhere",
				"RevoxCampaignStalled",
			},
		},
		{
			name: "campaigns that ended and run again days later are told of as others are", long: true, days: 4.78, history: 3.35,
			alerts: aboutSilence + "|RevoxCallsEndedBySystem.*",
			campaigns: paced(6, 0.5, 6, func(i int, c *worldCampaign) {
				c.open = func(local time.Time) bool { return officeHours(local) && local.Hour()*60+local.Minute() < 16*60+20 }
				c.ended = func(now time.Time) bool { return now.After(at(0, 15, 0)) && now.Before(at(3, 9, 50)) }
				if i == 4 {
					c.factor = stopped(at(4, 13, 23), at(5, 0, 0), 0)
				}
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if c.id == "c5" && now.After(at(3, 10, 20)) && now.Before(at(3, 11, 20)) {
					a.system = a.system || hit(c, now, 0.8)
				}
			},
			tells: []told{
				{"RevoxCallsEndedBySystem", "c5", at(3, 10, 20), at(3, 10, 30)},
				{"RevoxCampaignStalled", "c4", at(4, 13, 23), at(4, 13, 30)},
			},
		},
		{
			name: "answers that drift and throttling that grows slowly are quiet for a page", long: true, days: 3.78, history: 2.3, evaluate: 5 * time.Minute,
			alerts:    "RevoxAnswersDropped.*|RevoxCallsErrored.*|RevoxCallsEndedBySystem.*|RevoxThrottled.*|RevoxVoicemailSurge|RevoxCampaignStalled",
			campaigns: paced(5, 0.5, 8, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				days := now.Sub(worldStart).Hours() / 24
				a.human *= math.Pow(0.9, days)
				if hit(c, now, 0.02*days) {
					a.dialError = "too_many_calls"
				}
			},
			other: []string{"RevoxThrottledOften"}, // the ticket for just that
		},
		{
			name: "batches of all campaigns at once are quiet", long: true, days: 2.8, history: 1.3,
			campaigns: append(paced(5, 0.5, 2, func(i int, c *worldCampaign) { c.batches = 25 * time.Minute }),
				paced(5, 0.5, 2, func(i int, c *worldCampaign) { c.id, c.batches = "slow "+c.id, 50*time.Minute })...),
		},
		{
			name: "lunch breaks of campaigns whose pace halves each day are quiet", long: true, days: 3.8, history: 2.35,
			campaigns: paced(8, 1, 8, func(i int, c *worldCampaign) {
				lunch := 12*time.Hour + time.Duration(i%2*30)*time.Minute
				c.open = func(local time.Time) bool {
					since := time.Duration(local.Hour()*60+local.Minute())*time.Minute - lunch
					return officeHours(local) && (since < 0 || since >= time.Hour)
				}
				c.factor = func(now time.Time) float64 { return math.Pow(0.5, math.Floor(now.Sub(worldStart).Hours()/24)) }
			}),
		},
		{
			name: "a tool that fails before a break, in half of its uses, or rarely, is told of once", long: true, days: 1.85, history: 1.3,
			alerts: aboutTools,
			campaigns: paced(12, 3, 10, func(i int, c *worldCampaign) {
				if i == 11 {
					c.open = func(local time.Time) bool { return officeHours(local) && local.Hour() != 12 }
				}
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				share, failing := 0.15, 0.02
				in := func(fromHour, fromMinute, toHour, toMinute int) bool {
					return now.After(at(1, fromHour, fromMinute)) && now.Before(at(1, toHour, toMinute))
				}
				switch c.id {
				case "c11":
					if in(11, 0, 11, 40) {
						failing = 0.9
					}
				case "c10", "c9":
					if in(10, 0, 17, 0) {
						failing = 0.5
					}
				case "c8", "c7":
					if share = 0.08; in(10, 0, 17, 0) {
						failing = 0.9
					}
				}
				if hit(c, now.Add(time.Second), share) {
					a.tool, a.uses, a.failures = "tool of "+c.id, 1, btoi(hit(c, now.Add(2*time.Second), failing))
				}
			},
			tells: []told{
				{"RevoxToolFailing", "c11", at(1, 11, 5), at(1, 11, 30)},
				{"RevoxToolFailing", "c10", at(1, 10, 5), at(1, 13, 0)},
				{"RevoxToolFailing", "c9", at(1, 10, 5), at(1, 13, 0)},
				{"RevoxToolFailing", "c8", at(1, 10, 5), at(1, 12, 0)},
				{"RevoxToolFailing", "c7", at(1, 10, 5), at(1, 12, 0)},
			},
		},
		{
			name: "a tool of all campaigns fails before the day's end and is told of once", long: true, days: 1.9, history: 1.4,
			alerts:    aboutTools,
			campaigns: paced(12, 2, 8, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if hit(c, now.Add(time.Second), 0.15) {
					failing := 0.02
					if now.After(at(1, 16, 20)) && now.Before(at(1, 17, 30)) {
						failing = 0.9
					}
					a.tool, a.uses, a.failures = "crm", 1, btoi(hit(c, now.Add(2*time.Second), failing))
				}
			},
			tells: []told{{"RevoxToolFailingEverywhere", "", at(1, 16, 22), at(1, 16, 40)}},
			other: []string{"RevoxToolFailing"},
			leads: map[string]string{"RevoxToolFailing": "RevoxToolFailingEverywhere"},
		},
		{
			name: "agents of slow campaigns that are silent for seven hours are told of once", long: true, days: 1.75, history: 1.3,
			alerts:    "RevoxAgentSilent",
			campaigns: paced(6, 0.5, 1.2, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				share := 0.02
				if c.pace < 0.8 && now.After(at(1, 11, 0)) {
					share = 0.95
				}
				a.silent = hit(c, now.Add(time.Second), share)
			},
			tells: []told{
				{"RevoxAgentSilent", "c0", at(1, 11, 10), at(1, 14, 0)},
				{"RevoxAgentSilent", "c1", at(1, 11, 10), at(1, 13, 0)},
				{"RevoxAgentSilent", "c2", at(1, 11, 10), at(1, 12, 30)},
			},
		},
		{
			name: "a talk in which a failing tool is used again and again is quiet", long: true, days: 4.9, history: 0.5, evaluate: 3 * time.Minute,
			alerts:    aboutTools,
			campaigns: paced(20, 0.5, 4, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if !hit(c, now.Add(time.Second), 0.1) {
					return
				}
				a.tool, a.uses = "crm", 1
				if hit(c, now.Add(2*time.Second), 0.015) {
					for a.failures = 1; a.failures < 8 && hit(c, now.Add(time.Duration(2+a.failures)*time.Second), 0.75); a.failures++ {
					}
					a.uses = a.failures
				}
			},
		},
		{
			name: "a provider that fails is told of once, and another to which campaigns are moved is not", long: true, days: 1.7, history: 1.4,
			alerts: "RevoxProviderFailing",
			campaigns: paced(12, 1, 5, func(i int, c *worldCampaign) {
				c.voice = func(now time.Time) string {
					switch {
					case i%4 == 0:
						return "small"
					case i%4 == 1 || i > 4 && now.After(at(1, 11, 30)):
						return "other"
					}
					return "large"
				}
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				share := 0.02
				if now.After(at(1, 11, 0)) && now.Before(at(1, 13, 0)) && c.voice(now) == "large" {
					share = 0.9
				}
				a.silent = hit(c, now.Add(time.Second), share)
			},
			tells: []told{{"RevoxProviderFailing", "", at(1, 11, 4), at(1, 11, 20)}},
		},
		{
			name: "new campaigns of cold calls, of one provider, are quiet", long: true, days: 1.7, history: 1.35,
			alerts: "RevoxProviderFailing",
			campaigns: paced(10, 2, 5, func(i int, c *worldCampaign) {
				c.voice = func(time.Time) string { return "warm" }
				if i%2 == 0 {
					c.from = at(1, 8, 30)
					c.voice = func(time.Time) string { return "cold" }
				}
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				share := 0.08
				if c.voice(now) == "cold" {
					share = 0.25
				}
				a.short = hit(c, now.Add(time.Second), share)
			},
		},
		{
			name: "lists of which one in seven numbers does not exist are quiet, and one of which half does not is told of", long: true, days: 3.8, history: 0.3, evaluate: 4 * time.Minute,
			alerts:    "RevoxBadList",
			campaigns: paced(20, 0.3, 1.5, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				share := 0.15
				if c.id == "c10" {
					share = 0.05
					if now.After(at(3, 11, 0)) && now.Before(at(3, 14, 0)) {
						share = 0.5
					}
				}
				if hit(c, now, share) {
					a.dialError = "number_non_attributed"
				}
			},
			tells: []told{{"RevoxBadList", "c10", at(3, 11, 10), at(3, 12, 0)}},
		},
		{
			name: "many voicemails are usual, and campaigns begin each day", long: true, days: 4.9, history: 0.3, evaluate: 2 * time.Minute,
			alerts: "RevoxVoicemailSurge|RevoxScreeningSurge",
			campaigns: paced(20, 0.3, 3, func(i int, c *worldCampaign) {
				c.from = at(i/4, 8, 0)
				c.open = func(local time.Time) bool { return officeHours(local) && local.Sub(c.from) < 48*time.Hour }
			}),
			incident: func(_ *worldCampaign, _ time.Time, a *worldAttempt) { a.human, a.voicemail = 0.12, 0.6 },
		},
		{
			name: "a shard that vanishes is one page", days: 0.6, history: 0.45,
			alerts:    exporters + "|" + aboutSilence,
			campaigns: sharded(9, 3),
			up: func(instance string, now time.Time) (bool, bool) {
				gone := instance == "b" && now.After(at(0, 11, 10))
				return !gone, gone
			},
			tells: []told{{"RevoxShardMissing", "", at(0, 11, 15), at(0, 11, 18)}},
			other: []string{"RevoxCampaignsVanished"}, // which Alertmanager holds back
		},
		{
			name: "a shard whose key is refused is one page", days: 0.55, history: 0.45,
			alerts:    exporters + "|RevoxKeyRefused|RevoxAPIFailing|RevoxCampaignNotRead|" + aboutSilence,
			campaigns: sharded(9, 3),
			refused:   func(instance string, now time.Time) bool { return instance == "b" && now.After(at(0, 11, 10)) },
			tells:     []told{{"RevoxKeyRefused", "", at(0, 11, 15), at(0, 11, 20)}},
			other:     []string{"RevoxCampaignNotRead"}, // which Alertmanager holds back
		},
		{
			name: "an exporter that crashes again and again is told of, and its gaps are not", days: 1.7, history: 1.4,
			alerts:    exporters + "|" + aboutSilence,
			campaigns: paced(6, 0.3, 3, nil),
			up: func(_ string, now time.Time) (bool, bool) {
				in := func(hour int) bool { return now.After(at(1, hour, 0)) && now.Before(at(1, hour, 45)) }
				minute := now.Minute()
				return !(in(10) && minute%6 < 5 || in(12) && minute%6 < 3 || in(14) && minute%8 == 0 || in(16) && minute < 2), false
			},
			tells: []told{
				{"RevoxExporterCrashLoop", "", at(1, 10, 10), at(1, 10, 17)},
				{"RevoxExporterCrashLoop", "", at(1, 12, 10), at(1, 12, 17)},
				{"RevoxExporterCrashLoop", "", at(1, 14, 15), at(1, 14, 26)},
			},
			other: []string{"RevoxExporterRestarts", "RevoxExporterDown"}, // which Alertmanager holds back
		},
		{
			name: "Prometheus is down for minutes and for hours, which is quiet, and a stall is told of again at once", long: true, days: 2.8, history: 1.35,
			alerts: "Revox.*",
			campaigns: paced(12, 0.2, 4, func(i int, c *worldCampaign) {
				if i == 11 {
					c.factor = stopped(at(1, 15, 20), at(1, 16, 20), 0)
				}
				if i == 10 {
					c.batches = 20 * time.Minute
				}
			}),
			down: func(now time.Time) bool {
				in := func(day, fromHour, fromMinute, minutes int) bool {
					from := at(day, fromHour, fromMinute)
					return !now.Before(from) && now.Before(from.Add(time.Duration(minutes)*time.Minute))
				}
				return in(1, 10, 0, 2) || in(1, 11, 7, 20) || in(1, 13, 0, 90) || in(1, 15, 40, 3) || in(1, 17, 40, 60) || in(2, 8, 20, 70) || in(2, 12, 2, 8)
			},
			tells: []told{
				{"RevoxCampaignStalled", "c11", at(1, 15, 25), at(1, 15, 35)},
				{"RevoxCampaignStalled", "c11", at(1, 15, 44), at(1, 15, 46)}, // Alertmanager still knows it
			},
		},
		{
			name: "a list of campaigns that becomes empty, and one that loses some, are told of", days: 0.75, history: 0.45,
			alerts: exporters + "|" + aboutSilence,
			campaigns: paced(8, 0.3, 3, func(i int, c *worldCampaign) {
				c.vanishes = at(0, 14, 10)
				if i < 3 {
					c.vanishes = at(0, 11, 10)
				}
			}),
			tells: []told{
				{"RevoxCampaignsVanished", "", at(0, 11, 20), at(0, 11, 25)},
				{"RevoxCampaignListEmpty", "", at(0, 14, 20), at(0, 14, 25)},
			},
		},
	}
}

// sharded returns campaigns of some exporters.
func sharded(n, exporters int) []*worldCampaign {
	return paced(n, 0.3, 3, func(i int, c *worldCampaign) { c.instance = string(rune('a' + i%exporters)) })
}

// hit is a random decision that depends on the campaign's attempts.
func hit(c *worldCampaign, now time.Time, share float64) bool {
	return rand.New(rand.NewPCG(uint64(now.Unix()), uint64(c.attempts)+uint64(c.pace*1e6))).Float64() < share
}
