package rows

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Code stands for what a call, an attempt or a use of a tool added to counters: its index in Table.added, and whether it is a
// call. 0 stands for nothing, and codes up to maxToolCodes are uses of tools.
type Code uint16

const (
	callBit Code = 1 << 15
	// maxCodes is the number of different codes. A few hundred are usual; the limit is for an API that sends nonsense.
	maxCodes = 1 << 15
	// maxToolCodes is more than twice the number of tools that have label values.
	maxToolCodes = 63
)

// Table assigns the codes. Make one per process with NewTable. It is safe for concurrent use.
type Table struct {
	mu    sync.RWMutex
	codes map[string]Code
	added [][]tally.Addition // each slice is immutable
	tools int                // the number of uses of tools that have a code
}

// NewTable returns a Table that has a code for each finished call and attempt, whatever else it adds to counters.
func NewTable() *Table {
	t := &Table{codes: map[string]Code{"": 0}, added: make([][]tally.Addition, 1+maxToolCodes)}
	for _, f := range []*tally.Family{tally.CallsFinished, tally.AttemptsFinished} {
		for _, label := range f.Known {
			t.code([]tally.Addition{{Family: f, Label: label}})
		}
	}
	return t
}

// code returns the code for additions, and may put them in order. If there are too many codes, it returns that for the
// finished call or attempt alone.
func (t *Table) code(additions []tally.Addition) Code {
	slices.SortFunc(additions, func(a, b tally.Addition) int {
		return cmp.Or(cmp.Compare(a.Family.Index, b.Family.Index), strings.Compare(a.Label, b.Label))
	})
	var buffer [256]byte
	name := buffer[:0]
	for _, a := range additions {
		name = append(append(append(name, byte(a.Family.Index)), a.Label...), 0)
	}
	t.mu.RLock()
	code, ok := t.codes[string(name)]
	t.mu.RUnlock()
	if ok {
		return code
	}
	return t.newCode(string(name), additions)
}

func (t *Table) newCode(name string, additions []tally.Addition) Code {
	t.mu.Lock()
	defer t.mu.Unlock()
	if code, ok := t.codes[name]; ok {
		return code
	}
	if additions[0].Family == tally.ToolCalls {
		if t.tools == maxToolCodes {
			return 0
		}
		t.tools++
		t.codes[name], t.added[t.tools] = Code(t.tools), slices.Clone(additions)
		return Code(t.tools)
	}
	if len(t.added) == maxCodes {
		for _, a := range additions {
			if a.Family == tally.CallsFinished || a.Family == tally.AttemptsFinished {
				return t.codes[string(byte(a.Family.Index))+a.Label+"\x00"]
			}
		}
		return 0
	}
	code := Code(len(t.added))
	if additions[0].Family == tally.CallsFinished {
		code |= callBit
	}
	t.codes[name] = code
	t.added = append(t.added, slices.Clone(additions))
	return code
}

// of returns what a code stands for.
func (t *Table) of(code Code) []tally.Addition {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.added[code&^callBit]
}
