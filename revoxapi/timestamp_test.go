package revoxapi_test

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestTimestampReadsEveryUnambiguousTime(t *testing.T) {
	noon := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		`"2024-01-01T12:00:00Z"`:                      noon,
		`"2024-01-01T12:00:00.000Z"`:                  noon,
		`"2024-01-01T12:00:00.5Z"`:                    noon.Add(time.Second / 2),
		`"2024-01-01T12:00:00,5Z"`:                    noon.Add(time.Second / 2),
		`"2024-01-01T12:00:00.123456789Z"`:            noon.Add(123456789),
		`"2024-01-01T12:00:00.12345678999999999999Z"`: noon.Add(123456789),
		`"2024-01-01T14:00:00+02:00"`:                 noon,
		`"2024-01-01T14:00:00+0200"`:                  noon,
		`"2024-01-01T14:00:00+02"`:                    noon,
		`"2024-01-01T17:30:00+05:30"`:                 noon,
		`"2024-01-01T17:30:00\u002b05:30"`:            noon,
		`"2024-01-01T06:30:00-05:30"`:                 noon,
		`"2024-01-01T12:00:00-00:00"`:                 noon,
		`"2024-01-01T12:00Z"`:                         noon,
		`"2024-01-01T14:00+02"`:                       noon,
		`"2024-01-01t12:00:00z"`:                      noon,
		`"2024-01-01 12:00:00+00"`:                    noon,
		`"20240101T120000Z"`:                          noon,
		`"20240101T120000.5Z"`:                        noon.Add(time.Second / 2),
		`"20240101T1200+0000"`:                        noon,
		`"2024-02-29T12:00:00Z"`:                      time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
		`"0001-01-01T00:00:00Z"`:                      {},
		`"0000-01-01T00:00:00Z"`:                      time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		for _, library := range jsonLibraries {
			var got revoxapi.Timestamp
			if err := library.decode([]byte(in), &got); err != nil {
				t.Fatal(err)
			}
			if !got.Valid() || got.Unreadable() || got.IsZero() || !got.Time.Equal(want) {
				t.Errorf("%s: %s reads as %v, want %v", library.name, in, got, want)
			}
			encoded, err := library.encode(got)
			if err != nil {
				t.Fatal(err)
			}
			var back revoxapi.Timestamp
			if err := library.decode(encoded, &back); err != nil || !back.Valid() || !back.Time.Equal(want) {
				t.Errorf("%s: %s is written as %s", library.name, in, encoded)
			}
		}
	}
}

func TestTimestampNeverGuesses(t *testing.T) {
	for _, in := range []string{
		`{}`, `[]`, `{"seconds":1}`, `1704110400`, `0`, `-1.5e3`, `true`, `false`, `""`, `" "`, `"null"`, `"soon"`,
		`"2024-01-01"`, `"2024-01-01Z"`, `"2024-01-01T12:00:00"`, `"2024-01-01T12:00:00.5"`, `"2024-01-01T12Z"`,
		`"01/02/2024 12:00:00Z"`, `"2024-1-1T12:00:00Z"`, `"2024-01-01T9:00:00Z"`, `"2024-01-01T12:00:00 Z"`,
		`" 2024-01-01T12:00:00Z"`, `"2024-01-01T12:00:00Z "`, `"2024-01-01T12:00:00ZZ"`, `"2024-01-01T12:00:00.Z"`,
		`"2024-02-30T12:00:00Z"`, `"2023-02-29T12:00:00Z"`, `"2024-13-01T12:00:00Z"`, `"2024-00-01T12:00:00Z"`, `"2024-01-00T12:00:00Z"`,
		`"2024-01-01T24:00:00Z"`, `"2024-01-01T12:60:00Z"`, `"2016-12-31T23:59:60Z"`,
		`"2024-01-01T12:00:00+24:00"`, `"2024-01-01T12:00:00+02:60"`, `"2024-01-01T12:00:00+2"`, `"2024-01-01T12:00:00+02:"`,
		`"2024-01-01T120000Z"`, `"20240101T12:00:00Z"`, `"2024-0101T12:00:00Z"`, `"12024-01-01T12:00:00Z"`, `"2024-W01-1T12:00:00Z"`,
		`"2024-01-01T12:00:00 CET"`, `"Mon, 01 Jan 2024 12:00:00 GMT"`, `"\ud800"`,
	} {
		for _, library := range jsonLibraries {
			got := revoxapi.Timestamp{Time: time.Now()}
			if err := library.decode([]byte(in), &got); err != nil {
				t.Fatalf("%s: %s: %v", library.name, in, err)
			}
			if !got.Unreadable() || got.Valid() || got.IsZero() || !got.Time.IsZero() {
				t.Errorf("%s: %s reads as %v", library.name, in, got)
			}
			encoded, err := library.encode(got)
			if err != nil || !reflect.DeepEqual(decodedAny(t, encoded), decodedAny(t, []byte(in))) {
				t.Errorf("%s: %s is written as %s, %v", library.name, in, encoded, err)
			}
		}
	}
}

func TestTimestampAbsentOrNull(t *testing.T) {
	for _, library := range jsonLibraries {
		for _, in := range []string{`{}`, `{"at":null}`} {
			var got struct {
				At revoxapi.Timestamp `json:"at,omitzero"`
			}
			if err := library.decode([]byte(in), &got); err != nil {
				t.Fatal(err)
			}
			if !got.At.IsZero() || got.At.Valid() || got.At.Unreadable() || got.At.String() != "absent" {
				t.Errorf("%s: %s reads as %v", library.name, in, got)
			}
			if encoded, err := library.encode(got); err != nil || string(encoded) != `{}` {
				t.Errorf("%s: %s is written as %s, %v", library.name, in, encoded, err)
			}
			if encoded, err := library.encode(got.At); err != nil || string(encoded) != `null` {
				t.Errorf("%s: absent is written as %s, %v", library.name, encoded, err)
			}
		}
	}
}

func TestTimestampMadeByHand(t *testing.T) {
	at := revoxapi.Timestamp{Time: time.Date(2024, 1, 1, 12, 0, 0, 0, time.FixedZone("LMT", 561))} // 9 minutes 21 seconds
	encoded, err := at.MarshalJSON()
	if err != nil || !at.Valid() || string(encoded) != `"2024-01-01T11:50:39Z"` {
		t.Errorf("%s, %v", encoded, err)
	}
}

func TestTimestampHidesWhatIsUnreadable(t *testing.T) {
	var at revoxapi.Timestamp
	if err := at.UnmarshalJSON([]byte(`"+15550000001"`)); err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{at, &at, struct{ At revoxapi.Timestamp }{at}, struct{ at revoxapi.Timestamp }{at}, []revoxapi.Timestamp{at}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "1555") || strings.Contains(text, "31353535") {
				t.Errorf("%s of a %T shows %s", verb, value, text)
			}
		}
	}
	if got := fmt.Sprint(at); got != "unreadable" {
		t.Errorf("prints as %q", got)
	}
}

func TestTimestampKeepsABoundedAmount(t *testing.T) {
	whole := `"` + strings.Repeat("x", 4094) + `"`
	for _, test := range []struct{ what, in, want string }{
		{"4 KiB", whole, whole},
		{"4 KiB and a byte", `"` + strings.Repeat("x", 4095) + `"`, `{}`},
		{"4 KiB that grow by replacement characters", `"` + strings.Repeat("\xff", 4094) + `"`, `{}`},
	} {
		var at revoxapi.Timestamp
		if err := at.UnmarshalJSON([]byte(test.in)); err != nil || !at.Unreadable() {
			t.Fatalf("%s: %v, %v", test.what, at, err)
		}
		if encoded, err := at.MarshalJSON(); err != nil || string(encoded) != test.want {
			t.Errorf("%s: written as %d bytes, %v", test.what, len(encoded), err)
		}
	}
}

func TestTimestampReadsWithoutAllocating(t *testing.T) {
	for _, in := range []string{`"2024-01-01T12:00:00Z"`, `"2024-01-01T12:00:00.123+02:00"`, `null`} {
		data := []byte(in)
		var at revoxapi.Timestamp
		if got := testing.AllocsPerRun(100, func() { _ = at.UnmarshalJSON(data) }); got != 0 {
			t.Errorf("%s: %v allocations", in, got)
		}
	}
}

var rfc3339 = regexp.MustCompile(`^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"$`)

// FuzzTimestamp checks the contract with any JSON, and any bytes.
func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{
		`null`, ` null `, ``, `{}`, `{"a":1,"a":2}`, `[1e999]`, `1704110400`, `true`, `""`, `"`, "\"\xff\"", `"\ud800"`,
		`"2024-01-01T12:00:00Z"`, `"2024-01-01T12:00:00.123456789123+05:30"`, `"2024-01-01 12:00,5-0030"`,
		`"20240101T1200Z"`, `"0000-12-31T23:59:59-23:59"`, `"9999-12-31T23:59:59.999999999-23:59"`, `"0001-01-01T00:00:00Z"`,
		`"2024-02-30T00:00:00Z"`, `"2024-01-01T12:00:00\u002b02:00"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var at revoxapi.Timestamp
		if err := at.UnmarshalJSON(data); err != nil {
			t.Fatalf("failed: %v", err)
		}
		states := 0
		for _, holds := range []bool{at.IsZero(), at.Valid(), at.Unreadable()} {
			if holds {
				states++
			}
		}
		if states != 1 {
			t.Fatalf("%d states at once", states)
		}
		if at.IsZero() != (string(bytes.TrimSpace(data)) == "null") {
			t.Fatalf("IsZero is %v", at.IsZero())
		}
		if !at.Valid() && !at.Time.IsZero() {
			t.Fatalf("not valid, but %v", at.Time)
		}
		// Package time's RFC 3339 reader is the reference. It also takes hours of one digit and zones of more than a day.
		var reference time.Time
		if rfc3339.Match(data) && reference.UnmarshalJSON(data) == nil && string(data) != "null" && (!at.Valid() || !at.Time.Equal(reference)) {
			t.Fatalf("reads as %v, want %v", at, reference)
		}
		for _, library := range jsonLibraries {
			encoded, err := library.encode(at)
			if err != nil {
				t.Fatalf("%s: encode: %v", library.name, err)
			}
			var back revoxapi.Timestamp
			if err := library.decode(encoded, &back); err != nil {
				t.Fatalf("%s: decode: %v", library.name, err)
			}
			if back.IsZero() != at.IsZero() || back.Valid() != at.Valid() || !back.Time.Equal(at.Time) {
				t.Fatalf("%s: comes back as %v from %s", library.name, back, encoded)
			}
			again, err := library.encode(back)
			// Escapes can take what is kept beyond its bound.
			if err != nil || !bytes.Equal(again, encoded) && string(again) != "{}" {
				t.Fatalf("%s: %s is written as %s, %v", library.name, encoded, again, err)
			}
		}
	})
}

func BenchmarkTimestamp(b *testing.B) {
	data := []byte(`"2024-01-01T12:00:00.123+02:00"`)
	b.ReportAllocs()
	for b.Loop() {
		var at revoxapi.Timestamp
		_ = at.UnmarshalJSON(data)
	}
}

func decodedAny(t *testing.T, data []byte) (tree any) {
	t.Helper()
	decoder := stdjson.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	return tree
}
