package rows

import (
	"encoding/binary"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MarshalJSON returns v as JSON. Equal values give equal bytes, so that only changes need to be written to the state.
// It panics on a value that JSON cannot represent, which plain values never are.
func MarshalJSON(v any) []byte {
	bytes, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(fmt.Sprintf("encoding state: %v", err))
	}
	return bytes
}

// StoreHead returns the beginning of a binary stored form, with room for more bytes: v as JSON, after its length in 4 bytes.
func StoreHead(v any, more int) []byte {
	head := MarshalJSON(v)
	bytes := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(head)+more), uint32(len(head)))
	return append(bytes, head...)
}

// RestoreHead reverses StoreHead: it sets v, which is a pointer, and returns what follows. ok is false if bytes is damaged.
func RestoreHead(bytes []byte, v any) (rest []byte, ok bool) {
	if len(bytes) < 4 || uint64(len(bytes)-4) < uint64(binary.LittleEndian.Uint32(bytes)) {
		return nil, false
	}
	end := 4 + int(binary.LittleEndian.Uint32(bytes))
	return bytes[end:], json.Unmarshal(bytes[4:end], v) == nil
}
