// Package store has what is known of each selected campaign: the last complete data, counters that never fall, how old they may
// be, and what of it outlives a restart.
//
// A [Store] holds one immutable [Record] for each campaign; [Store.Publish] replaces it by what came of a scan, and readers take
// all of them without a lock:
//
//	s := store.New(state, store.Ages{MaxAge: 15 * time.Minute})
//	s.SelectOnly([]string{"c-1"}, nil, now)
//	s.Publish("c-1", store.Outcome{Found: result, Start: start, End: now})
//	for _, r := range s.All() {
//		s.Shown(r, now) // which parts of the record are young enough to be shown
//	}
//
// It neither scans nor renders. Where a counter's value is decided: [Snapshot] and monotonic.go; what is not believed at once:
// suddenloss.go; what the state file has: codec.go.
package store
