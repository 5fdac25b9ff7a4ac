package revoxapi

import (
	"hash/maphash"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Repeated is an object that the API repeats in each row, such as the assistant. Rows with the same JSON of the fields that
// T has mostly share a value that is decoded once. Any JSON is read, as far as T reads any JSON.
type Repeated[T any] struct {
	// Value must not be changed. It is nil if the JSON is not an object.
	Value *T
}

// recent has for each T some values that were read, by a hash of their JSON: pages of several campaigns are read at a time.
var recent sync.Map // of reflect.Type to *[recentValues]atomic.Pointer[recentValue]

type recentValue struct {
	json  string
	value any
}

const (
	recentValues = 64
	// maxRecent is the size of JSON above which recent does not keep it.
	maxRecent = 1 << 10
)

var recentSeed = maphash.MakeSeed()

func (*Repeated[T]) jsonPart() any { return *new(T) }

// UnmarshalJSON implements [json.Unmarshaler].
func (r *Repeated[T]) UnmarshalJSON(data []byte) error {
	r.Value = nil
	if jsontext.Value(data).Kind() != jsontext.KindBeginObject {
		return nil
	}
	t := reflect.TypeFor[T]()
	values, ok := recent.Load(t)
	if !ok {
		values, _ = recent.LoadOrStore(t, &[recentValues]atomic.Pointer[recentValue]{})
	}
	at := &values.(*[recentValues]atomic.Pointer[recentValue])[maphash.Bytes(recentSeed, data)%recentValues]
	if was := at.Load(); was != nil && was.json == string(data) {
		r.Value = was.value.(*T)
		return nil
	}
	value := new(T)
	if err := json.Unmarshal(data, value, decodeOptions); err != nil {
		return err
	}
	r.Value = value
	if len(data) <= maxRecent {
		at.Store(&recentValue{string(data), value})
	}
	return nil
}
