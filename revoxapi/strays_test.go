package revoxapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// An entry that is not an object is skipped. The total counts it, so nothing is missing, and nothing is read twice for it.
func TestRowsThatAreNoObjectsAreSkipped(t *testing.T) {
	const size = 10
	for _, n := range []int{1, 9, 10, 11, 20, 21, 25, 41} {
		for _, odd := range [][]int{{0}, {n - 1}, {0, n / 2}, {n - 1, 5, 6}} {
			odd = slices.DeleteFunc(odd, func(i int) bool { return i >= n })
			slices.Sort(odd)
			odd = slices.Compact(odd)
			for name, options := range map[string][]revoxtest.Option{
				"usual": nil, "from 1": {revoxtest.WithFirstPage(1)}, "echoing": {revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()},
				"no total": {revoxtest.WithoutTotal()}, "rows only": {revoxtest.WithRowsOnly()}, "capped": {revoxtest.WithPageSizeCap(5)},
			} {
				t.Run(fmt.Sprintf("%d rows, %v, %s", n, odd, name), func(t *testing.T) {
					server := newServer(t, options...)
					all := makeRows(0, n)
					server.SetRows(campaignID, "c", all)
					client := newClient(t, server.URL)
					server.AddFault(revoxtest.Fault{Behavior: revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
						for i := range rows {
							for _, j := range odd {
								if idsOf(rows[i : i+1])[0] == idOf(j) {
									rows[i] = json.RawMessage([]string{`null`, `"canary"`, `[{}]`, `7`}[j%4])
									break
								}
							}
						}
						return rows
					})})
					want := slices.Clone(all)
					for _, j := range slices.Backward(odd) {
						want = slices.Delete(want, j, j+1)
					}
					if len(want) == 0 {
						_, _, err := readAll(client, revoxapi.RowsParams{PageSize: size})
						asError(t, err, revoxapi.KindBadResponse)
						return
					}
					summary := mustReadAll(t, client, revoxapi.RowsParams{PageSize: size}, want)
					if most := n/5 + 4; summary.Skipped != len(odd) || summary.Missing != 0 || summary.Duplicates != 0 ||
						server.RequestCount() > most {
						t.Errorf("%+v after %d requests, want at most %d", summary, server.RequestCount(), most)
					}
				})
			}
		}
	}
}
