package store

import (
	"github.com/revox-exporter/revox_exporter/collector/cost"
	"github.com/revox-exporter/revox_exporter/collector/scan"
)

// Cost is what a campaign's scans take. After a restart it is 0 until the next scan.
type Cost struct {
	// Full is what the last full scan took.
	Full cost.Cost
	// Later is what the last scan took that was not full because it was a first one, or due; 0 before the second scan.
	Later cost.Cost

	full bool // the last scan was full
}

// next returns the cost after a scan.
func (c Cost) next(found *scan.Result) Cost {
	n := Cost{Full: c.Full, Later: c.Later, full: found.Full}
	if found.Full {
		n.Full = found.Cost
	}
	if !found.Full || c.full {
		n.Later = found.Cost
	}
	return n
}
