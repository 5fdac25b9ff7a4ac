// Package room bounds what a process keeps of all campaigns together. Each campaign has a share, which is what is kept of
// it or, while a scan goes on, what the scan has found so far if that is more:
//
//	rows := room.New(room.Limits{What: "rows", All: 4_000_000, One: 2_000_000})
//	claim := rows.Begin(id)
//	defer claim.End()
//	err := claim.Grow(1000) // ErrFull, if there is no room for so many
//	rows.Keep(id, 1000)     // after End this is the share
//
// A campaign never loses what it has: if there is no room, those that want more do not get it. So it does not change
// from scan to scan which campaigns fit.
package room
