package main

import (
	"math"
	"math/rand/v2"
	"time"
)

// worlds are small: each has one kind of trap or incident. The first two are quick.
func worlds() []*world {
	berlin := "Europe/Berlin"
	spring := time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC) // Thursday; clocks go forward on Sunday
	autumn := time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC)
	halfHoliday := func(local time.Time) bool {
		return officeHours(local) && (local.YearDay() != at(1, 0, 0).YearDay() || local.Hour() < 12)
	}
	everyDay := func(local time.Time) bool { return local.Hour() >= 8 && local.Hour() < 20 }
	office := func(i int, c *worldCampaign) {
		c.place = berlin
		if i%2 == 0 {
			c.open = everyDay
		}
	}
	stop := stopped(at(1, 13, 20), at(1, 15, 40), 0)
	return []*world{
		{
			name: "stalls are told by pace", days: 1.65,
			campaigns: []*worldCampaign{
				{id: "4 a minute", pace: 4, factor: stop},
				{id: "1 a minute", pace: 1, factor: stop},
				{id: "0.3 a minute", pace: 0.3, factor: stop},
				{id: "trickle", pace: 2, factor: stopped(at(1, 13, 20), at(1, 15, 40), 0.04)},
				{id: "zombie", pace: 2, factor: stop, zombie: at(1, 9, 30)},
			},
			tells: []told{
				{"RevoxCampaignStalled", "4 a minute", at(1, 13, 25), at(1, 13, 28)},
				{"RevoxCampaignStalled", "1 a minute", at(1, 13, 33), at(1, 13, 55)},
				{"RevoxCampaignStalled", "0.3 a minute", at(1, 14, 0), at(1, 14, 30)},
				{"RevoxCampaignStalled", "trickle", at(1, 13, 27), at(1, 13, 50)},
				{"RevoxCampaignStalled", "zombie", at(1, 13, 27), at(1, 13, 35)},
				{"RevoxCallsStalledEverywhere", "", at(1, 13, 25), at(1, 13, 28)},
			},
			other: []string{"RevoxCampaignStalled", "RevoxCallsStalledEverywhere"}, // they may end and begin again
		},
		{
			name: "a half holiday is one ticket", days: 1.8,
			campaigns: paced(6, 0.15, 4, func(_ int, c *worldCampaign) { c.open = halfHoliday }),
			tells:     []told{{"RevoxCampaignsIdle", "", at(1, 12, 10), at(1, 13, 30)}},
		},
		{
			name: "paced campaigns are quiet", days: 3, evaluate: 2 * time.Minute,
			campaigns: paced(16, 0.1, 0.6, nil),
		},
		{
			name: "campaigns that dial in batches are quiet", days: 2.8, evaluate: 2 * time.Minute,
			campaigns: paced(8, 0.2, 2, func(i int, c *worldCampaign) { c.batches = time.Duration(10+10*i) * time.Minute }),
		},
		{
			name: "lists that end are quiet", days: 2.8, evaluate: 2 * time.Minute,
			campaigns: paced(12, 0.3, 3, func(i int, c *worldCampaign) { c.rows = int(c.pace * 60 * 9 * (0.3 + float64(i%6)*0.2)) }),
		},
		{
			name: "short Fridays are quiet, the first and the second", days: 11.8, evaluate: 5 * time.Minute,
			campaigns: paced(6, 0.15, 4, func(_ int, c *worldCampaign) { c.open = closesAt(time.Friday, 13) }),
		},
		{
			name: "clocks that go forward are quiet", start: spring, days: 6, evaluate: 5 * time.Minute,
			campaigns: paced(6, 0.15, 4, office),
		},
		{
			name: "clocks that go back are quiet", start: autumn, days: 6, evaluate: 5 * time.Minute,
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
			name: "one cause of 100 small campaigns is one page", days: 1.8, evaluate: 2 * time.Minute, alerts: ".*Everywhere|RevoxCallsErrored|RevoxCallsCannotLeave",
			campaigns: paced(100, 0.08, 0.12, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				in := func(hour int) bool { return now.After(at(1, hour, 10)) && now.Before(at(1, hour, 50)) }
				if in(10) && hit(c, now, 0.9) {
					a.dialError = "precondition_failed"
				}
				if in(11) && len(c.id) == 2 && hit(c, now, 0.8) || in(12) && c.id[len(c.id)-1] < '3' && hit(c, now, 0.8) {
					a.dialError = "non_classified_error" // of one number
				}
				a.system = a.system || in(13) && hit(c, now, 0.8)
				a.short = a.short || in(14) && hit(c, now, 0.8)
				a.errored = a.errored || in(15) && hit(c, now, 0.35)
				if in(16) {
					a.human /= 4
				}
			},
			tells: []told{
				{"RevoxCallsCannotLeaveEverywhere", "", at(1, 10, 10), at(1, 10, 18)},
				{"RevoxCallsCannotLeaveEverywhere", "", at(1, 12, 10), at(1, 12, 25)},
				{"RevoxCallsEndedBySystemEverywhere", "", at(1, 13, 10), at(1, 13, 20)},
				{"RevoxTalksCutShortEverywhere", "", at(1, 14, 10), at(1, 14, 20)},
				{"RevoxCallsErroredEverywhere", "", at(1, 15, 10), at(1, 15, 25)},
				{"RevoxAnswersDroppedEverywhere", "", at(1, 16, 10), at(1, 16, 50)},
			},
			other: []string{"RevoxTalksCutShortEverywhere"},
		},
		{
			name: "answers of first attempts that drop are told, and retries that answer less are not", days: 2.75, evaluate: 2 * time.Minute,
			alerts: "RevoxAnswersDropped",
			campaigns: []*worldCampaign{
				{id: "4 a minute", pace: 4}, {id: "10 a minute", pace: 10},
				{id: "ends 1", pace: 2, rows: 1000}, {id: "ends 2", pace: 3, rows: 1200}, {id: "ends 3", pace: 6, rows: 2000},
			},
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				if c.rows > 0 && hit(c, now, math.Min(1, c.attempts/float64(c.rows)/2)) {
					a.retry = true
				}
				if a.retry {
					a.human /= 5
				}
				if c.rows == 0 && now.After(at(2, 13, 0)) {
					a.human /= 4
				}
			},
			tells: []told{
				{"RevoxAnswersDropped", "4 a minute", at(2, 13, 5), at(2, 14, 45)}, // 1.6 of them are first attempts
				{"RevoxAnswersDropped", "10 a minute", at(2, 13, 5), at(2, 13, 40)},
			},
		},
	}
}

// hit is a random decision that depends on the campaign's attempts.
func hit(c *worldCampaign, now time.Time, share float64) bool {
	return rand.New(rand.NewPCG(uint64(now.Unix()), uint64(c.attempts)+uint64(c.pace*1e6))).Float64() < share
}
