package revoxapi

import (
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// One bad byte in a transcript that nobody reads must not refuse the whole page, nor must a name given twice.
var decodeOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// readEnvelope reads a body that is one object with a list in it, as a stream: item is called for each element of the
// list, which it must read, and other for the value of each other member. The object must have the list, and nothing
// may follow it.
func readEnvelope(body io.Reader, list string, item func(*jsontext.Decoder) error, other func(name string, d *jsontext.Decoder) error) error {
	d := jsontext.NewDecoder(body, decodeOptions)
	if kind := d.PeekKind(); kind != jsontext.KindBeginObject {
		return wrongKind(d, "the answer should be a JSON object, not %s")
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	found := false
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if name := name.String(); name != list {
			if err := other(name, d); err != nil {
				return err
			}
			continue
		}
		if found {
			return badResponse("the answer has %q twice", list)
		}
		found = true
		if d.PeekKind() != jsontext.KindBeginArray {
			return wrongKind(d, list+" of the answer should be an array, not %s")
		}
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		for d.PeekKind() != jsontext.KindEndArray {
			if err := item(d); err != nil {
				return err
			}
		}
		if _, err := d.ReadToken(); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if !found {
		return badResponse("the answer has no %q", list)
	}
	// Reading to the end also lets gzip compare its checksum.
	if _, err := d.ReadToken(); err != io.EOF {
		if err == nil {
			return badResponse("the answer goes on after its end")
		}
		return err
	}
	return nil
}

// wrongKind says which kind of value the decoder is at; what cannot be read at all is the reader's error.
func wrongKind(d *jsontext.Decoder, format string) error {
	kind := d.PeekKind()
	names := map[jsontext.Kind]string{
		jsontext.KindNull: "null", jsontext.KindTrue: "a boolean", jsontext.KindFalse: "a boolean", jsontext.KindString: "a string",
		jsontext.KindNumber: "a number", jsontext.KindBeginArray: "an array", jsontext.KindBeginObject: "an object",
	}
	if name, ok := names[kind]; ok {
		return badResponse(format, name)
	}
	_, err := d.ReadToken()
	if err == io.EOF {
		return badResponse("the answer is empty")
	}
	return err
}
