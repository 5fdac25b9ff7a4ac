package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// worlds are small: each has one kind of trap or incident.
func worlds() []*world {
	return slices.Concat(silenceWorlds(), failureWorlds(), agentWorlds(), exporterWorlds())
}

// hit is a random decision that depends on the campaign's attempts.
func hit(c *worldCampaign, now time.Time, share float64) bool {
	return rand.New(rand.NewPCG(uint64(now.Unix()), uint64(c.attempts)+uint64(c.pace*1e6))).Float64() < share
}
