package main

import (
	"math"
	"time"
)

// silenceWorlds are about campaigns that stop, and those that seem to.
func silenceWorlds() []*world {
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
			name: "a break of all at a full hour is one ticket, also when they call again", long: true, days: 2.7, history: 2.4,
			campaigns: paced(8, 0.5, 4, func(_ int, c *worldCampaign) {
				c.open = func(local time.Time) bool { return officeHours(local) && (local.Day() != 3 || local.Hour() != 14) }
			}),
			tells: []told{{"RevoxCampaignsIdle", "", at(2, 14, 10), at(2, 14, 50)}},
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
			name: "campaigns that dial in batches are quiet", long: true, days: 2.8, history: 1, evaluate: 2 * time.Minute,
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
			name: "a holiday of campaigns that begin at different times is one ticket", long: true, days: 2.9, history: 1.9, evaluate: 2 * time.Minute,
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
	}
}
