//go:build !race

// One goroutine, which the race detector makes ten times slower.

package revoxapi

import "testing"

func TestScannerReadsWhatTheLibraryReads(t *testing.T) {
	for _, seed := range scannerSeeds() {
		for _, chunk := range []int{1, 2, 3, 7, 8, 9, 1000} {
			compareWithLibrary(t, []byte(seed), chunk)
		}
		for cut := range min(len(seed), 200) {
			compareWithLibrary(t, []byte(seed[:cut]), 1000)
		}
	}
}
