package store

import (
	"github.com/revox-exporter/revox_exporter/collector/cost"
	"github.com/revox-exporter/revox_exporter/collector/scan"
)

// Costs are what a campaign's scans take. After a restart they are 0 until the next scan.
type Costs struct {
	// Full is what the last full scan took.
	Full cost.Cost
	// Later is what the last scan took that was not full because it was a first one, or due; 0 before the second scan.
	Later cost.Cost

	full bool // the last scan was full
}

// next returns the costs after a scan.
func (c Costs) next(found *scan.Result) Costs {
	n := Costs{Full: c.Full, Later: c.Later, full: found.Full}
	if found.Full {
		n.Full = found.FullCost
	}
	if !found.Full || c.full {
		n.Later = found.Cost
	}
	return n
}
