package campaigns

import (
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// Shard is the share of the campaigns that one of several exporters reads. The zero value has all campaigns.
type Shard struct {
	// Index is the number of this shard, from 0 to Count - 1.
	Index int
	// Count is the number of shards; 0 means 1.
	Count int
}

func (s Shard) check() error {
	if s.Count < 0 || s.Index < 0 || s.Index >= max(s.Count, 1) {
		return fmt.Errorf("there is no shard %d of %d: the index goes from 0 to the count minus 1", s.Index, s.Count)
	}
	return nil
}

// Has reports whether the campaign belongs to this shard. Each campaign belongs to exactly one shard, which depends
// only on the ID and on Count. If Count grows by one, only the campaigns that the new shard gets move.
func (s Shard) Has(campaignID string) bool {
	return s.Count <= 1 || jumpHash(xxhash.Sum64String(campaignID), s.Count) == s.Index
}

// jumpHash spreads keys evenly over the buckets 0 to count-1: Lamping and Veach, "A Fast, Minimal Memory, Consistent
// Hash Algorithm" (2014).
func jumpHash(key uint64, count int) int {
	bucket, next := int64(-1), int64(0)
	for next < int64(count) {
		bucket = next
		key = key*2862933555777941757 + 1
		next = int64(float64(bucket+1) * (float64(1<<31) / float64((key>>33)+1)))
	}
	return int(bucket)
}
