package wire

// Mix turns any number into one whose bits look random (the finalizer of splitmix64). Identifiers and texts are mixed
// from seeds when they are written, so that no row has to store them.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// MixString is Mix over a text: FNV-1a, mixed.
func MixString(seed uint64, s string) uint64 {
	h := uint64(14695981039346656037) ^ Mix(seed+golden)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return Mix(h)
}

const golden = 0x9e3779b97f4a7c15

// Dice is a tiny stream of numbers for what is written of a row: the same row is written alike each time. How calls go
// is drawn elsewhere, see attempts.go.
type Dice uint64

// Next returns any number.
func (d *Dice) Next() uint64 {
	*d += golden
	return Mix(uint64(*d))
}

// Under returns a number in [0, n).
func (d *Dice) Under(n int) int {
	return int(d.Next() >> 33 % uint64(n))
}

// Share returns a number in [0, 1).
func (d *Dice) Share() float64 {
	return float64(d.Next()>>11) / (1 << 53)
}

const hexDigits = "0123456789abcdef"

// AppendHex appends the lowest hexadecimal digits of x.
func AppendHex(b []byte, x uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		b = append(b, hexDigits[x>>(4*i)&15])
	}
	return b
}

// AppendUUID appends the version 4 UUID that belongs to seed.
func AppendUUID(b []byte, seed uint64) []byte {
	hi, lo := Mix(seed+golden), Mix(seed^0xd1b54a32d192ed03)
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 2<<62
	b = AppendHex(b, hi>>32, 8)
	b = append(b, '-')
	b = AppendHex(b, hi>>16, 4)
	b = append(b, '-')
	b = AppendHex(b, hi, 4)
	b = append(b, '-')
	b = AppendHex(b, lo>>48, 4)
	b = append(b, '-')
	return AppendHex(b, lo, 12)
}

// UUID returns the version 4 UUID that belongs to seed.
func UUID(seed uint64) string {
	return string(AppendUUID(make([]byte, 0, 36), seed))
}
