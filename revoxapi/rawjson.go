package revoxapi

import (
	"bytes"
	stdjson "encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// portableJSON returns a copy of a JSON value, without white space, that any JSON library encodes. Pages are decoded with
// invalid UTF-8 and repeated names allowed, which encoders refuse: such a value is rewritten with replacement characters
// and the last value of each name. It returns nil for what is not JSON.
func portableJSON(data []byte) []byte {
	value := jsontext.Value(bytes.Clone(data))
	if value.IsValid() && value.Compact() == nil {
		return value
	}
	decoder := stdjson.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // numbers keep their digits
	var tree any
	if decoder.Decode(&tree) != nil || decoder.More() {
		return nil
	}
	rewritten, err := stdjson.Marshal(tree)
	if err != nil {
		return nil
	}
	return rewritten
}
