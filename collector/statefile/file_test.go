package statefile

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	identity = Identity{Owner: "me", Format: 3}
	now      = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
)

// open opens the file in a folder, and closes it when the test ends.
func open(t *testing.T, folder string) (*File, Found) {
	t.Helper()
	f, found, err := Open(folder, identity, time.Millisecond, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, f) })
	return f, found
}

func shut(t *testing.T, f *File) {
	t.Helper()
	if err := f.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, f *File, changes ...Change) {
	t.Helper()
	if err := f.Write(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
}

// ever has every value that filled has written, by kind and name.
var ever = map[string][]string{}

// filled returns the bytes of a file with many values of different sizes, and these values.
func filled(t *testing.T) ([]byte, map[string]map[string][]byte) {
	t.Helper()
	folder := t.TempDir()
	f, _ := open(t, folder)
	values := map[string]map[string][]byte{"small": {}, "large": {}}
	for round := range 3 { // overwrite values, so that there are free pages
		var changes []Change
		for i := range 60 {
			name := fmt.Sprintf("campaign %d", i)
			values["small"][name] = fmt.Appendf(nil, "%d of %d", i, round)
			values["large"][name] = []byte(strings.Repeat(fmt.Sprintf("%d of %d, ", i, round), i*20))
			for kind, named := range values {
				ever[kind+name] = append(ever[kind+name], string(named[name]))
			}
			changes = append(changes,
				Change{"small", name, values["small"][name]}, Change{"large", name, values["large"][name]})
		}
		for some := range slices.Chunk(changes, 20) {
			write(t, f, some...)
		}
	}
	shut(t, f)
	bytes, err := os.ReadFile(filepath.Join(folder, Name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes, values
}

// folderWith returns a folder with a file of these bytes.
func folderWith(t *testing.T, bytes []byte) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, Name), bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func equal(a, b map[string]map[string][]byte) bool {
	return maps.EqualFunc(a, b, func(a, b map[string][]byte) bool {
		return maps.EqualFunc(a, b, func(a, b []byte) bool { return string(a) == string(b) })
	})
}

func TestWrittenValuesAreFound(t *testing.T) {
	bytes, values := filled(t)
	folder := folderWith(t, bytes)
	f, found := open(t, folder)
	if found.Damage != nil || !equal(found.Values, values) {
		t.Errorf("found %d kinds of values, damage %v", len(found.Values), found.Damage)
	}
	write(t, f, Change{Kind: "small", Name: "campaign 7"}, Change{Kind: "small", Name: "never written"},
		Change{"other", "empty", []byte{}})
	shut(t, f)
	delete(values["small"], "campaign 7")
	values["other"] = map[string][]byte{"empty": {}}
	if _, found = open(t, folder); !equal(found.Values, values) {
		t.Error("the values differ from those written last")
	}
	if info, err := os.Stat(filepath.Join(folder, Name)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("other users can read the file: %v, %v", info.Mode(), err)
	}
}

var damagesOfAKind = flag.Int("damages", 30, "number of files to damage in each random way")

// Whatever is cut off or overwritten, Open returns no wrong value, does not panic, and sets the file aside unchanged.
func TestDamagedFilesAreSetAside(t *testing.T) {
	bytes, _ := filled(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	damages := map[string]func([]byte) []byte{
		"one byte":       func(b []byte) []byte { return b[:1] },
		"text":           func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 5000)) },
		"zeros":          func(b []byte) []byte { return make([]byte, len(b)) },
		"half":           func(b []byte) []byte { return b[:len(b)/2] },
		"without an end": func(b []byte) []byte { return b[:len(b)-1] },
		"head gone":      func(b []byte) []byte { clear(b[:8192]); return b },
		"tail gone":      func(b []byte) []byte { clear(b[len(b)/2:]); return b },
	}
	for i := range *damagesOfAKind {
		damages[fmt.Sprint("cut ", i)] = func(b []byte) []byte { return b[:1+random.IntN(len(b)-1)] }
		damages[fmt.Sprint("a page overwritten ", i)] = func(b []byte) []byte {
			from := 4096 * random.IntN(len(b)/4096)
			for i := range b[from : from+4096] {
				b[from+i] = byte(random.Uint32())
			}
			return b
		}
		damages[fmt.Sprint("a bit flipped ", i)] = func(b []byte) []byte {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			return b
		}
		damages[fmt.Sprint("a header's bit flipped ", i)] = func(b []byte) []byte {
			b[4096*random.IntN(len(b)/4096)+random.IntN(64)] ^= 1 << random.IntN(8)
			return b
		}
	}
	aside := 0
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			damaged := damage(append([]byte{}, bytes...))
			folder := folderWith(t, damaged)
			f, found := open(t, folder)
			// If the mark of the last commit is lost, the file has the values from before that commit.
			for kind, named := range found.Values {
				for name, bytes := range named {
					if !slices.Contains(ever[kind+name], string(bytes)) {
						t.Errorf("%s of %q was never written", kind, name)
					}
				}
			}
			if found.Damage != nil {
				aside++
				kept, err := os.ReadFile(filepath.Join(folder, Name+".damaged-20240501T090000Z"))
				if err != nil || string(kept) != string(damaged) {
					t.Errorf("the damaged file is not set aside unchanged: %v", err)
				}
				if says := found.Damage.Error(); strings.Contains(says, "\n") || !strings.Contains(says, Name+".damaged-") {
					t.Errorf("%q, want one line with the new name of the file", says)
				}
			}
			// The new file can be written, and has the valid values of the old one.
			write(t, f, Change{"new", "value", []byte("x")})
			shut(t, f)
			_, again := open(t, folder)
			if again.Values["new"] == nil {
				t.Fatal("the written value is missing")
			}
			delete(again.Values, "new")
			if found.Damage != nil && (again.Damage != nil || count(again.Values) != count(found.Values)) {
				t.Errorf("%d values, want %d; damage %v", count(again.Values), count(found.Values), again.Damage)
			}
		})
	}
	if aside < len(damages)/5 {
		t.Errorf("only %d of %d damaged files were detected", aside, len(damages))
	}
}

func count(values map[string]map[string][]byte) (n int) {
	for _, named := range values {
		n += len(named)
	}
	return n
}

func TestOneBadValueDoesNotAffectOthers(t *testing.T) {
	bytes, values := filled(t)
	text := string(values["large"]["campaign 40"])
	at := strings.LastIndex(string(bytes), text[:100])
	bytes[at+50] ^= 1
	_, found := open(t, folderWith(t, bytes))
	if n := count(found.Values); found.Damage == nil || n != 119 || found.Values["large"]["campaign 40"] != nil {
		t.Errorf("%d values found, damage %v", n, found.Damage)
	}
}

func TestFilesWithAnotherIdentityStayUnchanged(t *testing.T) {
	bytes, _ := filled(t)
	for says, other := range map[string]Identity{
		"it has campaigns of another API":          {Owner: "you", Format: 3},
		"its format is 3, and this version's is 2": {Owner: "me", Format: 2},
	} {
		folder := folderWith(t, bytes)
		f, found, err := Open(folder, other, time.Millisecond, now)
		if f != nil || err == nil || !strings.Contains(err.Error(), says) || found.Values != nil {
			t.Errorf("error %v, want one that says that %s", err, says)
		}
		if left, err := os.ReadFile(filepath.Join(folder, Name)); err != nil || string(left) != string(bytes) {
			t.Errorf("the file was changed: %v", err)
		}
		open(t, folder) // it is not locked
	}
}

func TestNoFolder(t *testing.T) {
	for folder, says := range map[string]string{
		filepath.Join(t.TempDir(), "none"):            "no such file or directory",
		filepath.Join(folderWith(t, []byte{1}), Name): "not a directory",
		"/proc": "", // no file can be created there
	} {
		f, _, err := Open(folder, identity, time.Millisecond, now)
		if f != nil || err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), folder) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

func TestFileIsLocked(t *testing.T) {
	folder := t.TempDir()
	f, _ := open(t, folder)
	if _, _, err := Open(folder, identity, 10*time.Millisecond, now); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
	shut(t, f)
	open(t, folder)
	if err := f.Write(t.Context(), Change{"k", "n", nil}); err == nil {
		t.Error("a closed file can be written")
	}
}

func TestWritersShareCommits(t *testing.T) {
	folder := t.TempDir()
	f, _ := open(t, folder)
	resume := hang(t, f)
	var writers sync.WaitGroup
	for i := range 100 {
		writers.Go(func() {
			if err := f.Write(context.Background(), Change{"k", fmt.Sprint(i), []byte("v")}); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.pending != nil && len(f.pending.changes) == 100
	})
	before := f.handle.db.Stats()
	resume()
	writers.Wait()
	after := f.handle.db.Stats()
	if n := after.TxStats.GetWrite() - before.TxStats.GetWrite(); n > 20 {
		t.Errorf("%d pages were written, too many for one commit of a hundred small values", n)
	}
	shut(t, f)
	if _, found := open(t, folder); len(found.Values["k"]) != 100 {
		t.Errorf("%d values, want 100", len(found.Values["k"]))
	}
}

// hang makes commits hang until resume is called, as on a disk that does not answer.
func hang(t *testing.T, f *File) (resume func()) {
	t.Helper()
	tx, err := f.handle.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.pending = &batch{done: make(chan struct{})}
	f.wake <- struct{}{}
	f.mu.Unlock()
	await(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.pending == nil // the writer has taken the batch
	})
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// await waits until a condition is true.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the condition never became true")
		}
	}
}

// Only the first caller waits for a disk that hangs.
func TestSlowDisk(t *testing.T) {
	folder := t.TempDir()
	f, _ := open(t, folder)
	resume := hang(t, f)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Write(ended, Change{"k", "first", []byte("v")}); !errors.Is(err, errSlow) {
		t.Errorf("error %v, want errSlow", err)
	}
	if err := f.Write(t.Context(), Change{"k", "second", []byte("v")}); !errors.Is(err, errSlow) {
		t.Errorf("error %v, want errSlow, at once", err)
	}
	if err := f.Close(ended); !errors.Is(err, errSlow) {
		t.Errorf("closing: error %v, want errSlow", err)
	}
	resume()
	shut(t, f)
	if _, found := open(t, folder); len(found.Values["k"]) != 2 {
		t.Errorf("%d values were written, want 2", len(found.Values["k"]))
	}
}

// A file that is truncated while it is in use makes writes fail, and does no other harm.
func TestFileTruncatedWhileInUse(t *testing.T) {
	bytes, _ := filled(t)
	folder := folderWith(t, bytes)
	f, _ := open(t, folder)
	if err := os.Truncate(filepath.Join(folder, Name), 8192); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		err := f.Write(t.Context(), Change{"small", "campaign 1", []byte("v")})
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line", err)
		}
	}
	shut(t, f)
	left, err := os.ReadFile(filepath.Join(folder, Name))
	if err != nil {
		t.Fatal(err)
	}
	if _, found := open(t, folderWith(t, left)); found.Damage == nil {
		t.Error("the next Open finds no damage")
	}
}

// Without its name, the file is written but lost with the process.
func TestFileRemovedWhileInUse(t *testing.T) {
	folder := t.TempDir()
	path, elsewhere := filepath.Join(folder, Name), filepath.Join(folder, "elsewhere")
	rename := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	f, _ := open(t, folder)
	rename(path, elsewhere)
	for _, replacement := range []string{"", "another file"} {
		if replacement != "" {
			if err := os.WriteFile(path, []byte(replacement), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := f.Write(context.Background(), Change{"k", "n", []byte("1")})
		if !errors.Is(err, errGone) || strings.Contains(err.Error(), folder) {
			t.Errorf("with %q in its place: %v", replacement, err)
		}
	}
	rename(elsewhere, path)
	write(t, f, Change{"k", "m", []byte("2")})
	shut(t, f)
	f, found := open(t, folder)
	defer shut(t, f)
	if want := (map[string]map[string][]byte{"k": {"n": []byte("1"), "m": []byte("2")}}); found.Damage != nil || !equal(found.Values, want) {
		t.Errorf("found %q, %v", found.Values, found.Damage)
	}
}
