package revoxtest

import "github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"

// NumberStyle says how the numbers that the API documents as "number" are written. What it documents as "integer" is
// always plain.
type NumberStyle = wire.NumberStyle

// The ways to write numbers: 3, 3.0 and 3e0.
const (
	PlainNumbers    = wire.PlainNumbers
	DecimalNumbers  = wire.DecimalNumbers
	ExponentNumbers = wire.ExponentNumbers
)

// TimeStyle says how time stamps are written.
type TimeStyle = wire.TimeStyle

// The ways to write time stamps.
const (
	MillisUTC  = wire.MillisUTC  // like 2024-01-01T12:00:00.000Z
	SecondsUTC = wire.SecondsUTC // like 2024-01-01T12:00:00Z; what is below a second is cut off
	MixedTimes = wire.MixedTimes // of various precisions (milliseconds at least) and offsets from UTC
)

// Style is how a server writes its answers: [WithNumberStyle], [WithTimeStyle] and [WithNewerFields].
type Style = wire.Style
