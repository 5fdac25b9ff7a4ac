package main

import (
	"time"
)

// agentWorlds are about agents, their tools and their providers.
func agentWorlds() []*world {
	const aboutTools = "RevoxToolFailing|RevoxToolFailingEverywhere"
	return []*world{
		{
			name: "a tool that fails before a break, in half of its uses, or rarely, is told of once", long: true, days: 2.85, history: 2.3,
			alerts: aboutTools,
			campaigns: paced(12, 3, 10, func(i int, c *worldCampaign) {
				if i == 11 {
					c.open = func(local time.Time) bool { return officeHours(local) && local.Hour() != 12 }
				}
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				share, failing := 0.15, 0.02
				in := func(fromHour, fromMinute, toHour, toMinute int) bool {
					return now.After(at(2, fromHour, fromMinute)) && now.Before(at(2, toHour, toMinute))
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
				a.use(c, now, "tool of "+c.id, share, failing)
			},
			tells: []told{
				{"RevoxToolFailing", "c11", at(2, 11, 5), at(2, 11, 30)},
				{"RevoxToolFailing", "c10", at(2, 10, 5), at(2, 13, 0)},
				{"RevoxToolFailing", "c9", at(2, 10, 5), at(2, 13, 0)},
				{"RevoxToolFailing", "c8", at(2, 10, 5), at(2, 12, 0)},
				{"RevoxToolFailing", "c7", at(2, 10, 5), at(2, 12, 0)},
			},
		},
		{
			name: "a tool of all campaigns fails before the day's end and is told of once", long: true, days: 1.9, history: 1.4,
			alerts:    aboutTools,
			campaigns: paced(12, 2, 8, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				failing := 0.02
				if now.After(at(1, 16, 20)) && now.Before(at(1, 17, 30)) {
					failing = 0.9
				}
				a.use(c, now, "crm", 0.15, failing)
			},
			tells: []told{{"RevoxToolFailingEverywhere", "", at(1, 16, 22), at(1, 16, 40)}},
			other: []string{"RevoxToolFailing"},
			leads: map[string]string{"RevoxToolFailing": "RevoxToolFailingEverywhere"},
		},
		{
			name: "a tool of all new campaigns that fails on two days is a page on both", long: true, days: 3.48, history: 3.3,
			alerts:    "RevoxToolFailingEverywhere",
			campaigns: paced(10, 3, 8, nil),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				failing := 0.02
				if now.After(at(1, 13, 0)) && now.Before(at(1, 18, 0)) || now.After(at(3, 10, 0)) && now.Before(at(3, 11, 0)) {
					failing = 0.9
				}
				a.use(c, now, "crm", 0.4, failing)
			},
			tells: []told{
				{"RevoxToolFailingEverywhere", "", at(1, 13, 2), at(1, 13, 20)},
				{"RevoxToolFailingEverywhere", "", at(3, 10, 2), at(3, 10, 15)},
			},
			severity: "page",
		},
		{
			name: "a tool that often fails in one time zone is quiet while only that calls, and told of if it fails in another", long: true, days: 2.5, history: 1.4,
			alerts: aboutTools,
			campaigns: paced(16, 2, 6, func(i int, c *worldCampaign) {
				if i%4 == 0 {
					c.place = "America/Los_Angeles"
				}
			}),
			incident: func(c *worldCampaign, now time.Time, a *worldAttempt) {
				failing := 0.02
				switch {
				case c.place != "":
					failing = 0.45
				case now.After(at(2, 10, 0)) && now.Before(at(2, 11, 0)):
					failing = 0.9
				}
				a.use(c, now, "crm", 0.4, failing)
			},
			tells: []told{{"RevoxToolFailingEverywhere", "", at(2, 10, 2), at(2, 10, 15)}},
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
	}
}
