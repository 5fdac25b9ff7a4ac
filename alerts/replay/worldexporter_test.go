package main

import (
	"time"
)

// exporterWorlds are about exporters, their list of campaigns, and Prometheus.
func exporterWorlds() []*world {
	exporters := "RevoxExporter.*|RevoxShardMissing|RevoxCampaignsUnseen|RevoxCampaignsVanished|RevoxCampaignListEmpty"
	return []*world{
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
