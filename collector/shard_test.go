package collector_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// shardsOf returns the indexes of the shards, of count, that have the campaign.
func shardsOf(id string, count int) []int {
	var has []int
	for index := range count {
		if (campaigns.Shard{Index: index, Count: count}).Has(id) {
			has = append(has, index)
		}
	}
	return has
}

func TestEachCampaignIsInOneShardAndFewMove(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ids := make([]string, 20_000)
	for i := range ids {
		// One half are UUIDs like the API's, the other half are short and similar.
		ids[i] = fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
			random.Uint32(), random.IntN(1<<16), random.IntN(1<<12), random.IntN(1<<16), random.Int64N(1<<48))
		if i%2 == 0 {
			ids[i] = fmt.Sprint("c", i)
		}
	}
	for count := 1; count <= 12; count++ {
		moved, sizes := 0, make([]int, count)
		for _, id := range ids {
			before, after := shardsOf(id, count), shardsOf(id, count+1)
			if len(before) != 1 || len(after) != 1 {
				t.Fatalf("campaign %s is in shards %v of %d and %v of %d", id, before, count, after, count+1)
			}
			sizes[before[0]]++
			if !slices.Equal(before, after) {
				moved++
				if after[0] != count {
					t.Fatalf("from %d to %d shards, campaign %s moves between two old shards", count, count+1, id)
				}
			}
		}
		// A fair distribution stays within 5 standard deviations.
		within := func(what string, n int, share float64) {
			mean := share * float64(len(ids))
			if off := math.Abs(float64(n) - mean); off > 5*math.Sqrt(mean*(1-share)) {
				t.Errorf("%d shards: %s: %d campaigns, want about %.0f", count, what, n, mean)
			}
		}
		within("moved to one more", moved, 1/float64(count+1))
		for index, n := range sizes {
			within(fmt.Sprint("in shard ", index), n, 1/float64(count))
		}
	}
}

// If a new version of the program changed the shard of a campaign, two replicas would read it, or none.
func TestShardsNeverChange(t *testing.T) {
	for id, want := range map[string]int{
		"0f8fad5b-d9cb-469f-a165-70867728950e": 6,
		"7c9e6679-7425-40de-944b-e07fc1f90ae7": 2,
		"campaign":                             6,
	} {
		if got := shardsOf(id, 7); !slices.Equal(got, []int{want}) {
			t.Errorf("campaign %s is in shard %v of 7, want %d", id, got, want)
		}
	}
}

func TestShardsShareGivenAndDiscoveredCampaigns(t *testing.T) {
	var all []string
	for index := range 3 {
		clock := revoxtest.NewClock(start)
		api := newAPI(t, clock)
		var inList, given []string
		for i := range 10 {
			inList = append(inList, listed(fmt.Sprint("listed-", i), "", "running", false, start))
			given = append(given, fmt.Sprint("given-", i))
		}
		list(api, inList...)
		h := newHarness(t, api, clock, func(c *collector.Config) {
			discover(nil)(c)
			c.CampaignIDs, c.Shard = given, campaigns.Shard{Index: index, Count: 3}
		})
		ids := strings.Fields(h.selected())
		for _, id := range ids {
			if !(campaigns.Shard{Index: index, Count: 3}).Has(id) {
				t.Errorf("shard %d reads campaign %s", index, id)
			}
		}
		all = append(all, ids...)
	}
	slices.Sort(all)
	if len(all) != 20 || len(slices.Compact(all)) != 20 {
		t.Errorf("the shards read these of 20 campaigns: %v", all)
	}
}

func TestShardWithoutCampaignsIsReadyAndLogsThat(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	const count = 3
	empty := (shardsOf("c", count)[0] + 1) % count
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs, c.Shard, c.ScanInterval = []string{"c"}, campaigns.Shard{Index: empty, Count: count}, 0
	})
	if waitingFor := h.Exporter.Status().WaitingFor; waitingFor != "" {
		t.Errorf("not ready: waiting for %s", waitingFor)
	}
	h.WantNone(h.Scrape(), `campaign_id=`)
	if n := api.RequestCount(); n != 0 {
		t.Errorf("%d requests although no campaign is selected", n)
	}
	logs, shard := h.Logs.String(), fmt.Sprintf(`share="%d of %d"`, empty+1, count)
	if !strings.Contains(logs, "no campaign is selected") || !strings.Contains(logs, shard) {
		t.Errorf("the log does not say that nothing is selected:\n%s", logs)
	}
}

func TestInvalidShardsAreRefused(t *testing.T) {
	for _, shard := range []campaigns.Shard{
		{Index: -1, Count: 3}, {Index: 3, Count: 3}, {Index: 1}, {Count: -1}, {Index: 1, Count: 1},
	} {
		if _, err := collector.New(collector.Config{Shard: shard}); err == nil {
			t.Errorf("shard %d of %d is accepted", shard.Index, shard.Count)
		}
	}
}
