// Package store holds the state of each selected campaign: the last complete data, counters that never fall, and the
// last error. It decides which data is too old, and [State] keeps the rest over restarts.
//
// A [Store] has one immutable [Record] per campaign. [Store.Publish] replaces it after a scan, and readers get all
// records without a lock:
//
//	s := store.New(state, store.Ages{MaxAge: 15 * time.Minute})
//	s.SelectOnly([]string{"c-1"}, nil, nil, now)
//	s.Publish("c-1", store.Outcome{Found: result, Start: start, End: now})
//	for _, r := range s.All() {
//		s.Shown(r, now) // which parts of the record are recent enough to be shown
//	}
//
// It neither scans nor renders. Package counters decides the values of counters, suddenloss.go which results need to be
// confirmed by further scans, and codec.go what the state file holds.
package store
