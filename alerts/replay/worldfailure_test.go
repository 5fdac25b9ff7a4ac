package main

import (
	"math"
	"strings"
	"time"
)

// failureWorlds are about calls that fail, and people who do not answer.
func failureWorlds() []*world {
	return []*world{
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
			name: "voicemails that answer more often from each noon on are usual, and a surge is told of within half an hour", long: true, days: 3.8, history: 2.3,
			alerts:    "RevoxVoicemailSurge",
			campaigns: paced(12, 2, 8, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				a.human, a.voicemail = 0.3, 0.1
				switch {
				case c.id == "c3" && now.After(at(2, 9, 40)) && now.Before(at(2, 11, 0)), c.id == "c9" && now.After(at(3, 10, 40)) && now.Before(at(3, 12, 0)):
					a.human, a.voicemail = 0.1, 0.7
				case now.Hour() >= 12 && now.Hour() < 15:
					a.voicemail = 0.45
				case now.Hour() >= 15:
					a.voicemail = 0.2
				}
			},
			tells: []told{
				{"RevoxVoicemailSurge", "c3", at(2, 9, 44), at(2, 10, 10)},
				{"RevoxVoicemailSurge", "c9", at(3, 10, 44), at(3, 11, 10)},
			},
		},
		{
			name: "fewer people answer at lunch, which is an hour earlier on the Monday after clocks change, and is quiet", long: true,
			start: time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC), days: 3.6, history: 3.33, evaluate: 2 * time.Minute,
			alerts:    "RevoxAnswersDropped|RevoxAnswersDroppedEverywhere|RevoxVoicemailSurge",
			campaigns: paced(12, 1, 8, func(_ int, c *worldCampaign) { c.place = "Europe/Paris" }),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				switch local := now.In(c.zone); {
				case local.Hour() < 12:
					a.human, a.voicemail = 0.35, 0.1
				case local.Hour() < 14:
					a.human, a.voicemail = 0.2, 0.35
				default:
					a.human, a.voicemail = 0.3, 0.2
				}
				if now.Weekday() == time.Monday {
					a.human *= 0.85
				}
			},
		},
	}
}
