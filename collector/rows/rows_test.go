package rows_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Keys are stored in files, so they must stay the same.
func TestKeysStayTheSame(t *testing.T) {
	for id, want := range map[string]uint64{"": 0xef46db3751d8e999, "a": 0xd24ec4f1a98c6e5b} {
		if got := rows.Key(id); got != want {
			t.Errorf("Key(%q) is %#x, want %#x", id, got, want)
		}
	}
}

// rowsByKey is a simple model of a Set: the number of completed attempts of each row.
type rowsByKey map[uint64]int

func (r rowsByKey) set(table *rows.Table) *rows.Set {
	b := rows.NewBuilder(table)
	for key, n := range r {
		b.Add(key, parts(n))
	}
	return b.Set()
}

// parts returns what a row with n completed attempts that reached humans adds to counters.
func parts(n int) (parts [][]tally.Addition) {
	for range n {
		parts = append(parts, []tally.Addition{
			{Family: tally.AttemptsFinished, Label: "completed"}, {Family: tally.AttemptResults, Label: "human"},
		})
	}
	return parts
}

func check(t *testing.T, what string, got *rows.Set, want rowsByKey) {
	t.Helper()
	var attempts uint64
	for key, n := range want {
		attempts += uint64(n)
		if !got.Has(key) {
			t.Errorf("%s: row %d is missing", what, key)
		}
	}
	counts := got.Counts()
	for f, label := range map[*tally.Family]string{tally.AttemptsFinished: "completed", tally.AttemptResults: "human"} {
		if n := counts[f.Index].Of(label); n != attempts {
			t.Errorf("%s: %s is %d, want %d", what, f.Name, n, attempts)
		}
	}
	if got.Len() != len(want) || (got == nil) != (len(want) == 0) {
		t.Errorf("%s: %d rows, want %d", what, got.Len(), len(want))
	}
}

func TestOperationsEqualThoseOnMaps(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	table := rows.NewTable()
	randomRows := func() rowsByKey {
		r := rowsByKey{}
		for range 1 + random.IntN(30) {
			r[random.Uint64N(40)] = random.IntN(4)
		}
		return r
	}
	for range 500 {
		a, b := randomRows(), randomRows()
		setA, setB := a.set(table), b.set(table)
		check(t, "a set", setA, a)
		with, without, changed := maps.Clone(a), rowsByKey{}, rowsByKey{}
		maps.Copy(with, b)
		for key, n := range a {
			if _, ok := b[key]; !ok {
				without[key] = n
			}
			if is, ok := b[key]; !ok || is != n {
				changed[key] = n
			}
		}
		check(t, "With", setA.With(setB), with)
		check(t, "Without", setA.Without(setB), without)
		check(t, "ChangedFrom", setA.ChangedFrom(setB), changed)
		decoded, err := rows.NewTable().Decode(setA.Encode()) // by another process
		if err != nil {
			t.Fatal(err)
		}
		check(t, "Decode", decoded, a)
	}
}

// A List has the keys that it was made of, whatever their number, and whether or not the set has them all.
func TestListsKeepTheOrder(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 65_536, 65_537} {
		keys := make([]uint64, n)
		b := rows.NewBuilder(rows.NewTable())
		for i := range keys {
			keys[i] = rand.Uint64()
			b.Add(keys[i], parts(i%3))
		}
		set, list := b.SetAndList()
		longer := append(slices.Clone(keys), 1, 1) // a key that the set does not have, twice
		for what, l := range map[string]struct {
			got  *rows.List
			want []uint64
		}{
			"of a Builder": {list, keys}, "of a set": {set.List(keys), keys}, "of other rows": {set.List(longer), longer},
			"without a set": {(*rows.Set)(nil).List(keys), keys},
		} {
			if !slices.Equal(l.got.Keys(), l.want) || l.got.Len() != len(l.want) {
				t.Errorf("the list of %d rows %s has other keys", n, what)
			}
		}
	}
}

// A set that gains nothing from another one is not copied.
func TestWithoutAChangeASetStaysTheSame(t *testing.T) {
	table := rows.NewTable()
	a := rowsByKey{1: 2, 2: 0, 3: 1}.set(table)
	if got := a.With(rowsByKey{2: 0, 3: 1}.set(table)); got != a {
		t.Error("With equal rows it is another set")
	}
	if got := a.With(rowsByKey{2: 1}.set(table)); got == a || got.Without(a) != nil || got.ChangedFrom(a).Len() != 1 {
		t.Error("With a row that has changed, one row is different")
	}
}

// What a row's attempts add is remembered for a large number of different attempts. Beyond that, finished attempts still
// are.
func TestTooManyCodes(t *testing.T) {
	b := rows.NewBuilder(rows.NewTable())
	const n = 70_000
	for i := range n {
		b.Add(uint64(i), [][]tally.Addition{{
			{Family: tally.AttemptEndReasons, Label: fmt.Sprint("reason-", i)}, {Family: tally.AttemptsFinished, Label: "error"},
		}})
	}
	counts := b.Set().Counts()
	if got := counts[tally.AttemptsFinished.Index].Of("error"); got != n {
		t.Errorf("%d finished attempts, want %d", got, n)
	}
	if got := len(counts[tally.AttemptEndReasons.Index]); got < 30_000 || got >= n {
		t.Errorf("%d end reasons are remembered", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(rowsByKey{1: 2, 3: 0, 4: 1}.set(rows.NewTable()).Encode())
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		s, err := rows.NewTable().Decode(bytes)
		if err != nil {
			return
		}
		again, err := rows.NewTable().Decode(s.Encode())
		if err != nil || again.Len() != s.Len() || again.Without(s) != nil {
			t.Errorf("the rows cannot be stored again: %v", err)
		}
		s.With(again).Counts()
	})
}
