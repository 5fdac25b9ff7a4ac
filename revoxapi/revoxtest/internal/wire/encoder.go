package wire

import (
	"strconv"
	"time"
)

// NumberStyle says how the numbers that the API documents as "number" are written. What it documents as "integer" is
// always plain.
type NumberStyle int

const (
	// PlainNumbers are written as 3.
	PlainNumbers NumberStyle = iota
	// DecimalNumbers are written as 3.0.
	DecimalNumbers
	// ExponentNumbers are written as 3e0.
	ExponentNumbers
)

// TimeStyle says how time stamps are written.
type TimeStyle int

const (
	// MillisUTC time stamps are like 2024-01-01T12:00:00.000Z.
	MillisUTC TimeStyle = iota
	// SecondsUTC time stamps are like 2024-01-01T12:00:00Z; what is below a second is cut off.
	SecondsUTC
	// MixedTimes are of various precisions (milliseconds at least) and offsets from UTC.
	MixedTimes
)

// Style is how a server writes its answers.
type Style struct {
	Numbers     NumberStyle
	Times       TimeStyle
	NewerFields bool // campaigns have the fields that only some versions of the API have
}

// Encoder writes JSON by appending to B. Nothing is escaped or copied twice: benchmarks ask for millions of rows.
type Encoder struct {
	B []byte
	Style
}

// Raw appends text that is JSON already.
func (e *Encoder) Raw(s string) { e.B = append(e.B, s...) }

// Text appends a JSON string.
func (e *Encoder) Text(s string) { e.B = AppendText(e.B, s) }

// Bool appends true or false.
func (e *Encoder) Bool(v bool) { e.B = strconv.AppendBool(e.B, v) }

// Int appends what the API documents as "integer".
func (e *Encoder) Int(n int64) { e.B = strconv.AppendInt(e.B, n, 10) }

// Number appends what the API documents as "number".
func (e *Encoder) Number(n int) {
	e.B = strconv.AppendInt(e.B, int64(n), 10)
	switch e.Numbers {
	case DecimalNumbers:
		e.Raw(".0")
	case ExponentNumbers:
		e.Raw("e0")
	}
}

// UUID appends the UUID of a seed as a string.
func (e *Encoder) UUID(seed uint64) {
	e.B = append(e.B, '"')
	e.B = AppendUUID(e.B, seed)
	e.B = append(e.B, '"')
}

// Enum appends an optional value: null where it is "".
func (e *Encoder) Enum(s string) {
	if s == "" {
		e.Raw("null")
		return
	}
	e.B = append(e.B, '"')
	e.Raw(s)
	e.B = append(e.B, '"')
}

// AppendText appends s as a JSON string. UTF-8 passes as it is.
func AppendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0')
			b = AppendHex(b, uint64(c), 2)
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// Time appends a time stamp given in milliseconds since 1970.
func (e *Encoder) Time(ms int64) {
	e.B = append(e.B, '"')
	switch e.Times {
	case SecondsUTC:
		e.B = time.UnixMilli(ms).UTC().AppendFormat(e.B, time.RFC3339)
	case MixedTimes:
		e.mixedTime(ms)
	default:
		e.B = AppendMillis(e.B, ms)
	}
	e.B = append(e.B, '"')
}

func (e *Encoder) mixedTime(ms int64) {
	t := time.UnixMilli(ms)
	layout := "2006-01-02T15:04:05.000Z07:00"
	switch kind := Mix(uint64(ms)) % 8; kind {
	case 0:
		layout = time.RFC3339Nano // cuts zeros at the end
	case 1:
		layout = "2006-01-02T15:04:05.000000Z07:00"
	case 2:
		layout = "2006-01-02T15:04:05.000000000Z07:00"
	}
	switch kind := Mix(uint64(ms)+1) % 4; kind {
	case 0:
		t = t.In(time.FixedZone("", 2*3600))
	case 1:
		t = t.In(time.FixedZone("", -(3*3600 + 1800)))
	default:
		t = t.UTC()
	}
	e.B = t.AppendFormat(e.B, layout)
}

// AppendMillis appends ms as time.Time.AppendFormat would with milliseconds in UTC, several times as fast. Years have
// four digits.
func AppendMillis(b []byte, ms int64) []byte {
	const day = 24 * 3600 * 1000
	days := ms / day
	rest := ms % day
	if rest < 0 {
		days, rest = days-1, rest+day
	}
	// Days to a date in the Gregorian calendar, in eras of 400 years that start on the first of March, so that the leap
	// day is the last of its year.
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d := doy - (153*mp+2)/5 + 1
	m, y := mp+3, yoe+era*400
	if m > 12 {
		m, y = m-12, y+1
	}
	s := rest / 1000
	return append(b,
		byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-',
		byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10), 'T',
		byte('0'+s/36000), byte('0'+s/3600%10), ':', byte('0'+s/600%6), byte('0'+s/60%10), ':',
		byte('0'+s%60/10), byte('0'+s%10), '.',
		byte('0'+rest%1000/100), byte('0'+rest%100/10), byte('0'+rest%10), 'Z')
}
