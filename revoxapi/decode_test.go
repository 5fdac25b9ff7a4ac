package revoxapi

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// methods has every way in which a type decodes itself.
type methods struct {
	From    byFrom     `json:"from"`
	JSON    byJSON     `json:"json"`
	Text    byText     `json:"text"`
	Both    byBoth     `json:"both"`
	Pointer **byJSON   `json:"pointer"`
	List    []byJSON   `json:"list"`
	Objects []*methods `json:"objects"`
	Array   [2]struct {
		JSON byJSON `json:"json"`
	} `json:"array"`
	Nested struct {
		JSON byJSON `json:"json"`
	} `json:"nested"`
}

type (
	byFrom string
	byJSON string
	byText string
	byBoth string
)

func (b *byFrom) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	*b += byFrom("from " + string(value))
	return err
}
func (b *byJSON) UnmarshalJSON(value []byte) error { *b += byJSON("json " + string(value)); return nil }
func (b *byText) UnmarshalText(text []byte) error  { *b += byText("text " + string(text)); return nil }
func (b *byBoth) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return (*byFrom)(b).UnmarshalJSONFrom(d)
}
func (b *byBoth) UnmarshalJSON([]byte) error { *b = "json"; return nil }

func TestUnmarshalUsesTheMethodThatTheLibraryUses(t *testing.T) {
	for _, value := range []string{"null", `"x"`, `"\n"`, "-1.5e3", "true", "[]", `[1,{"a":["]"]}]`, `{"a":{"b":"}"}}`} {
		for _, name := range []string{"from", "json", "text", "both", "pointer", "list", "objects", "array", "nested"} {
			member := `"` + name + `":` + value
			for _, object := range []string{
				`{` + member + `}`, `{` + member + `,` + member + `}`, `{"json":1,` + member + `,"json":2}`, `{"nested":{` + member + `}}`, `{"list":[` + value + `]}`, `{"array":[{` + member + `},{}]}`, `{"objects":[{` + member + `},null]}`,
			} {
				item := func(kept wantedPart) error {
					var got, want methods
					gotErr := unmarshal(wantedBy[methods](), kept, &got)
					wantErr := json.Unmarshal(kept.json, &want, decodeOptions)
					if (gotErr == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
						t.Errorf("%s:\n%+v %v\nwant\n%+v %v", object, got, gotErr, want, wantErr)
					}
					return nil
				}
				e := envelope{list: "rows", wanted: wantedBy[methods](), begin: func() {}, item: item}
				if err := e.read(strings.NewReader(`{"rows":[` + object + `]}`)); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// BenchmarkDecode decodes what is kept of a row, and beside it does so with the JSON library alone.
func BenchmarkDecode(b *testing.B) {
	row := []byte(`{"id":"bd43738b-bf64-4f36-a47d-3cc826208cff","call":{"status":"completed","call_attempts":[` +
		`{"result":"human","ended_at":"2026-03-03T12:06:17.972Z"},{"result":"voicemail","ended_at":"2026-03-02T15:02:05.555Z"},{"ended_at":null}` +
		`],"created_at":"2026-03-02T09:00:20.000Z","campaign":{"name":"Spring"}}}`)
	var part wantedPart
	keep := func(kept wantedPart) error {
		part = wantedPart{bytes.Clone(kept.json), slices.Clone(kept.layout)}
		return nil
	}
	e := envelope{list: "rows", wanted: wantedBy[scannedRow](), begin: func() {}, item: keep}
	if err := e.read(io.MultiReader(strings.NewReader(`{"rows":[`), bytes.NewReader(row), strings.NewReader(`]}`))); err != nil {
		b.Fatal(err)
	}
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			var r scannedRow
			if err := unmarshal(wantedBy[scannedRow](), part, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			var r scannedRow
			if err := json.Unmarshal(row, &r, decodeOptions); err != nil {
				b.Fatal(err)
			}
		}
	})
}
