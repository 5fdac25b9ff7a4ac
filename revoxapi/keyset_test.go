package revoxapi

import (
	"math/rand/v2"
	"testing"
)

// A keySet holds what a map would hold, in the order of adding, whatever the keys and whatever is expected.
func TestKeySetIsASet(t *testing.T) {
	for _, expected := range []int{0, 10, 30_000, 1 << 60} {
		random := rand.New(rand.NewPCG(1, uint64(expected)))
		var set keySet
		places := map[uint64]int{}
		for range 20_000 {
			key := uint64(random.IntN(600)) << (random.IntN(9) * 7) // many of the same, and close to each other
			want, known := places[key]
			if !known {
				want = len(places)
				places[key] = want
			}
			if place, isNew := set.add(key, expected); place != want || isNew == known {
				t.Fatalf("key %d: place %d, new %v; want %d, %v", key, place, isNew, want, !known)
			}
			if set.len() != len(places) {
				t.Fatalf("%d keys, want %d", set.len(), len(places))
			}
		}
	}
}

// At most 16 bytes a key, however many there are, once there are as many as were promised, and the last chunk apart.
func TestKeySetIsSmall(t *testing.T) {
	for _, expected := range []int{0, 100_000} {
		var set keySet
		random := rand.New(rand.NewPCG(1, 2))
		for n := 1; n <= 300_000; n++ {
			set.add(random.Uint64(), expected)
			bytes := 4 * cap(set.slots)
			for _, chunk := range set.chunks[max(0, len(set.chunks)-2):] {
				bytes += 8 * cap(chunk)
			}
			bytes += 8 * chunkSize * max(0, len(set.chunks)-2)
			if n >= max(50_000, expected) && bytes > 16*n+8*chunkSize {
				t.Fatalf("%d bytes for %d keys, %d expected", bytes, n, expected)
			}
		}
	}
}

func BenchmarkKeySet(b *testing.B) {
	keys := make([]uint64, 100_000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range keys {
		keys[i] = random.Uint64()
	}
	for b.Loop() {
		var set keySet
		for _, key := range keys {
			set.add(key, 0)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
}
