package revoxapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// scannedRow has every kind of field that the scanner distinguishes.
type scannedRow struct {
	ID     string `json:"id"`
	Number Int    `json:"row_index,omitzero"`
	Call   *struct {
		Status   string    `json:"status"`
		At       Timestamp `json:"created_at"`
		Campaign struct {
			Name string `json:"name"`
		} `json:"campaign"`
		Attempts []struct {
			Result string      `json:"result,omitempty"`
			Ended  *Timestamp  `json:"ended_at"`
			Parts  [2][]bool   `json:"parts"`
			Next   *scannedRow `json:"next"`

			Transcript TranscriptOutline `json:"transcript"`
		} `json:"call_attempts"`
		Assistant scannedPart       `json:"assistant"`
		Any       any               `json:"any"`
		Texts     map[string]string `json:"metadata"`
		Raw       jsontext.Value    `json:"raw"`
		Bytes     []byte            `json:"bytes"`
		Untagged  bool
		Left      string `json:"-"`
		left      string
	} `json:"call"`
}

// scannedPart decodes itself from a part of its JSON.
type scannedPart struct {
	Name  any `json:"name"`
	Model struct {
		Name any `json:"name"`
	} `json:"llm_model"`
}

func (*scannedPart) jsonPart() any {
	type part scannedPart
	return part{}
}

func (p *scannedPart) UnmarshalJSON(data []byte) error {
	type part scannedPart
	*p = scannedPart{}
	return json.Unmarshal(data, (*part)(p), decodeOptions)
}

// scannedPage is a page as both ways of reading it yield it.
type scannedPage struct {
	info pageInfo
	rows []scannedRow
}

func scanPage(body io.Reader) (p scannedPage, err error) {
	e := envelope{
		list: "rows", wanted: wantedBy[scannedRow](), begin: func() {},
		item: func(value wantedPart) error {
			var row scannedRow
			err := unmarshal(wantedBy[scannedRow](), value, &row)
			p.rows = append(p.rows, row)
			return err
		},
		others: []string{"page", "page_size", "total"}, other: p.info.set,
	}
	return p, e.read(body)
}

// libraryPage reads a page with the JSON library alone.
func libraryPage(body []byte) (p scannedPage, err error) {
	if bytes.HasPrefix([]byte(byteOrderMark), body) && len(body) > 0 {
		return p, io.ErrUnexpectedEOF // the mark alone, or a part of it
	}
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	d := jsontext.NewDecoder(bytes.NewReader(body), decodeOptions)
	expect := func(kind jsontext.Kind) error {
		token, err := d.ReadToken()
		if err == nil && token.Kind() != kind {
			err = errors.New("another kind")
		}
		return err
	}
	if err := expect(jsontext.KindBeginObject); err != nil {
		return p, err
	}
	found := false
	for d.PeekKind() != jsontext.KindEndObject {
		token, err := d.ReadToken()
		if err != nil {
			return p, err
		}
		switch name := token.String(); name {
		case "rows":
			if found {
				return p, errors.New("twice")
			}
			found = true
			if err := expect(jsontext.KindBeginArray); err != nil {
				return p, err
			}
			for d.PeekKind() != jsontext.KindEndArray {
				if kind := d.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
					return p, errors.New("another kind")
				}
				var row scannedRow
				if err := json.UnmarshalDecode(d, &row); err != nil {
					return p, err
				}
				p.rows = append(p.rows, row)
			}
			err = expect(jsontext.KindEndArray)
		case "page", "page_size", "total":
			var value jsontext.Value
			if value, err = d.ReadValue(); err == nil {
				err = p.info.set(name, value)
			}
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return p, err
		}
	}
	if err := expect(jsontext.KindEndObject); err != nil {
		return p, err
	}
	if !found {
		return p, errors.New("no rows")
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return p, fmt.Errorf("it goes on: %w", err)
	}
	return p, nil
}

// smallReads gives n bytes at a time, so that whatever is read goes over the end of a buffer somewhere.
type smallReads struct {
	io.Reader
	n int
}

func (r smallReads) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), r.n)]) }

// isLenient reports whether err, of the library, may be about what the scanner reads on purpose: a number for an id, or an
// empty array for an object and the other way round.
func isLenient(body []byte, err error) bool {
	e, ok := errors.AsType[*json.SemanticError](err)
	switch {
	case ok && e.JSONKind == '0':
		return e.JSONPointer.LastToken() == "id"
	case ok && (e.JSONKind == '[' || e.JSONKind == '{'):
		return emptyContainer.Match(body)
	}
	return false
}

var emptyContainer = regexp.MustCompile(`\[\s*\]|\{\s*\}`)

func compareWithLibrary(t *testing.T, body []byte, chunk int) {
	t.Helper()
	want, wantErr := libraryPage(body)
	got, err := scanPage(smallReads{bytes.NewReader(body), chunk})
	if err == nil && isLenient(body, wantErr) {
		return
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%.300q, %d bytes at a time:\nscanner: %v\nlibrary: %v", body, chunk, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%.300q, %d bytes at a time:\nscanner: %+v\nlibrary: %+v", body, chunk, got, want)
	}
	// What was cut is asked for again: that must be told from what is broken.
	if errors.Is(err, io.ErrUnexpectedEOF) {
		if _, syntax := errors.AsType[*jsontext.SyntacticError](wantErr); syntax && !errors.Is(wantErr, io.ErrUnexpectedEOF) {
			t.Fatalf("%.300q, %d bytes at a time:\nscanner: %v\nlibrary: %v", body, chunk, err, wantErr)
		}
	}
}

func scannerSeeds() []string {
	values := []string{
		`"a"`, `""`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9\uD83D\uDE00"`, `"\ud800"`, `"\udc00\ud800x"`, `"\ud800\u0041"`, "\"\xff\xc3(\"", "\"\x7f\"", "\"\u2028é😀\"",
		"\"\x1f\"", "\"\x00\"", "\"\n\"", `"\x"`, `"\u12g4"`, `"\u12"`, `"\`, `"`, `"a`, `'a'`, `0`, `-0`, `-`, `+1`, `00`, `01`, `-01`, `1.`, `1.5`, `.5`, `1e`, `1e5`, `1E+05`, `1e-`,
		`1e-5.5`, `12345678901234567890.12345678901234567890e+1234567890`, `0x1`, `1_0`, `NaN`, `Infinity`, `true`, `tru`, `truee`, `True`, `false`, `fals`, `null`, `nul`, `nulll`, `{}`, `{ }`, `{`, `}`, `{"a"}`, `{"a":}`, `{"a":1,}`,
		`{,}`, `{"a":1 "b":2}`, `{"a":1,,"b":2}`, `{a:1}`, `{1:1}`, `{"a":1,"a":2}`, `{"a" : 1 , "b":2 }`, `[]`, `[ ]`, `[`, `]`, `[1,]`, `[,1]`, `[1 2]`, `[1,,2]`, `[1,2`, `[1}`, `{"a":1]`, `[[[[]]]]`, "[\t1\r\n, 2 ]", "[\v1]", "[\u00a01]", "",
		" ", "/**/1", "\ufeff1", "\x001", `[true,false,null,"x",{"y":[0.1]}]`, strings.Repeat("x", 100), `"` + strings.Repeat("long ", 30) + `"`, `"` + strings.Repeat(`\n`, 30) + `"`,
	}
	seeds := []string{
		`{"rows":[]}`, `{"rows":[]} `, `{"rows":[]}x`, `{"rows":[]}{}`, `{"rows":null}`, `{"rows":{}}`, `{"rows":[],"rows":[]}`, `{"Rows":[]}`, `{"rows":[]`, `[]`, `null`, ``, "\ufeff{}", "\ufeff{\"rows\":[]}", "\xef\xbb{\"rows\":[]}", " \ufeff{\"rows\":[]}", "\ufeff\ufeff{\"rows\":[]}", `{"rows":[null]}`, `{"rows":[1]}`,
		`{"\u0072ows":[{"\u0069d":"a"}],"to\u0074al":3}`, `{"rows\u0000":[],"rows":[]}`, "{\"rows\xff\":[],\"rows\":[{\"id\xff\":1}]}", `{"rows\ud800":1,"rows":[{"id\udfff":1,"\ud800id":1}]}`,
		"{\"\\u0072ows\xff\":1,\"rows\":[{\"\\u0069d\xff\":1}]}", `{"page":0,"page_size":100.0,"rows":[],"total":3e0}`, `{"page":"x","rows":[]}`, `{"page":null,"total":null,"rows":[]}`,
		`{"rows":[{"id":"a","id":"b","call":{"status":"x"},"call":{"created_at":"2026-03-02T09:00:00Z"}}]}`, `{"rows":[{"id":"a","call":null},{"id":"b","call":{"call_attempts":null}}]}`,
		`{"rows":[{"id":"a","call":[]}]}`, `{"rows":[{"id":"a","call":{"call_attempts":{}}}]}`, `{"rows":[{"id":"a","call":{"campaign":[{"name":1}]}}]}`, `{"rows":[{"id":"a","call":{"call_attempts":[[]]}}]}`,
		`{"rows":[{"id":"a","call":{"call_attempts":[{"parts":[[true],[]],"next":{"id":"c","unknown":[1]}},{"ended_at":{"x":[1, 2]}}],"any":{"a" : [1, "b"]},"metadata":{"k":"v"},"raw":[ 1, {"x" : 2} ],"bytes":"AQID","Untagged":true,"Left":"l","left":"l"}}]}`,
		`{"rows":[{"id":7},{"id":-0.5e1},{"id":[]},{"id":true},{"id":{}}]}`, `{"rows":[{"id":"a","call":{"call_attempts":{ },"metadata":[ ],"campaign":[],"bytes":[]}}]}`,
		`{"rows":[{"id":"a","call":{"call_attempts":[{"next":[]},[],{"parts":{}}]}}]}`, `{"rows":[{"id":"a","call":{"metadata":{},"call_attempts":[]}}]}`,
		`{"total":"3","page":"0","page_size":"10.0","rows":[]}`, `{"total":{},"page":[],"page_size":true,"rows":[]}`, `{"total":-1,"page":1.5,"page_size":1e99,"rows":[]}`,
		`{"rows":[{"id":"a","call":{"bytes":[1,2]}}]}`, `{"rows":[{"id":"a","call":{"metadata":{"k":1}}}]}`, `{"rows":[{"id":1}]}`, `{"rows":[{"ID":"a"}]}`, `{"rows" :[ {"id" :"a" , "call" : { "status" : "x" , "zzz":1} } ] , "total" : 3 }`,
	}
	seeds = append(seeds, repeatingPages()...)
	for _, v := range append(values, `[{"role":"user","content":"a"},{"content":"b","role":"assistant"}]`, `[ { "role" : "user" } , {"x":{"role":"user"},"role":"assistant"} ]`,
		`[{"role":"tool","content":"\u00e9","tool_name":"find","tool_is_error":true,"tool_arguments":{"role":"user","a":[1]}},{"role":"tool","tool_name":null,"tool_is_error":null}]`,
		`[{"role":"user","role":"tool","tool_name":"a","tool_name":"b\u0063","tool_is_error":false,"r\u006fle":"tool"},{},[],null,1,{"role":7},{"role":"tool","tool_name":{},"tool_is_error":"x"}]`,
		`[{"role":"user","n":12,"m":0,"o":-1.5,"p":false,"q":null,"s":"\n\"","t":[]}]`, `[{"role":"user"}x]`, `[{"role":"user",}]`, `[{"role":"user""a":1}]`, `[{"role":"us`+"\x01"+`er"}]`,
		`{"name":"n","prompt":"p","llm_model":{"name":"m","type":"t"},"voice":{"name":"v"}}`, `{"llm_model":{"name":1},"name":"x","llm_model":{"x":1},"name":null}`) {
		seeds = append(seeds, `{"rows":[{"call":{"call_attempts":[{"transcript":`+v+`,"result":"x"},{"transcript":`+v+`},{"result":"y"}],"assistant":null,"last_call_attempt":{"transcript":`+v+`,"result":"x"}}}]}`,
			`{"rows":[{"call":{"assistant":`+v+`,"status":"s"}},{"call":{"assistant":`+v+`}},{"call":{"assistant":{"name":"z"},"assistant":`+v+`}}]}`)
	}
	// What rows mostly consist of, and what a value of each kind can be in its place.
	for _, v := range append(values, `"2026-03-02T09:00:00.5+01:00"`, `"\u0032026-03-02T09:00:00Z"`, `["a,]",{"b":"}"}]`, `{"name":"n"},"campaign":{}`, `{"name":"n"},"campaign":{"name":null}`,
		`[{"result":"x"},{"result":null},{}],"call_attempts":[{},{},{}]`, `{"status":"x"},"call":{"created_at":null}`, `"x","status":null`, `[{"ended_at":null,"ended_at":"x"}]`) {
		for _, name := range []string{"status", "created_at", "campaign", "call_attempts"} {
			seeds = append(seeds, `{"rows":[{"id":"a","call":{"`+name+`":`+v+`,"status":"s"}},{"id":"b","call":{"status":"t","`+name+`":`+v+`}}]}`)
		}
		for _, name := range []string{"result", "ended_at"} {
			seeds = append(seeds, `{"rows":[{"call":{"call_attempts":[{"`+name+`":`+v+`,"result":"x"},{"`+name+`":`+v+`},{"ended_at":"x"}]}}]}`)
		}
	}
	for _, v := range values {
		seeds = append(seeds, v, `{"x":`+v+`,"rows":[]}`, `{"rows":[{"id":"a","x":`+v+`}],"total":1}`, `{"rows":[{"id":`+v+`}]}`, `{"rows":[{"call":{"any":`+v+`,"status":"s"}},`+v+`]}`, `{`+v+`:1,"rows":[]}`, `{"rows":[{`+v+`:1,"id":"a"}]}`, `{"rows":[{"x":{`+v+`:1}}]}`)
	}
	return seeds
}

// repeatingPages returns pages in which an object that is skipped comes again: the same, cut, with one byte that differs, and
// as a copy of an element of an array that is kept. It goes over the end of a buffer in some.
func repeatingPages() (pages []string) {
	object := `{"id":"x","prompt":"` + strings.Repeat(`hints, not \"facts\".\n`, 5) + `","n":[1,{"a":null}],"deep":{"b":true}}`
	page := func(first, second string) string {
		return `{"rows":[{"call":{"x":` + first + `,"status":"s"}},{"call":{"x" : ` + second + `,"status":"t"}},{"y":` + object + `}]}`
	}
	pages = append(pages, page(object, object), page(object+object, object), page(object, object+object))
	for i := range object {
		pages = append(pages, page(object, object[:i]), page(object, object[:i]+"}"), page(object, object[:i]+"x"+object[i+1:]),
			page(object[:i]+`"`+object[i+1:], object[:i]+`"`+object[i+1:]))
	}
	long := `{"a":"` + strings.Repeat("long ", 4000) + `"}`
	for i := range 4 {
		pages = append(pages, page(strings.Repeat(" ", i*10_000)+long, long), page(long, long[:len(long)-2]+`!"}`))
	}
	many := "" // names
	for i := range 12 {
		many += fmt.Sprintf(`"n%d":%s,`, i%11, object)
	}
	pages = append(pages, `{"rows":[{`+many+many+`"id":"a"}]}`)
	for i := range object {
		pages = append(pages, `{"rows":[{"call":{"assistant":`+object+`}},{"call":{"assistant":`+object[:i]+"x"+object[i+1:]+`}},{"call":{"assistant":`+object+`}}]}`)
	}
	assistant := `{"prompt":"` + strings.Repeat("hints ", 20) + `","name":"n","llm_model":{"name":"m"}}`
	for i := range assistant {
		pages = append(pages, `{"rows":[{"call":{"assistant":`+assistant+`}},{"call":{"assistant":`+assistant[:i]+"x"+assistant[i+1:]+`}},{"call":{"assistant":`+assistant+`}}]}`)
	}
	attempt := `{"result":"human","transcript":[` + strings.Repeat(`{"role":"user"},`, 10) + `null]}`
	for _, last := range []string{attempt, attempt[:50], strings.Replace(attempt, "human", "humane", 1)} {
		pages = append(pages, `{"rows":[{"call":{"call_attempts":[`+attempt+`,{}],"last_call_attempt":`+last+`,"status":"s"}}]}`)
	}
	return pages
}

// An object that was skipped is not skipped as the same where it is nested too deep.
func TestScannerSkipsRepeatsAsDeepAsTheLibrary(t *testing.T) {
	for depth := 9_985; depth < 10_002; depth++ {
		deep := `{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
		compareWithLibrary(t, []byte(`{"rows":[{"x":`+deep+`,"call":{"x":`+deep+`}}]}`), 1<<20)
		compareWithLibrary(t, []byte(`{"rows":[{"call":{"x":`+deep+`}},{"x":`+deep+`}]}`), 1<<20)
	}
}

// As deep as the library goes, and no deeper; the row's own objects count.
func TestScannerGoesAsDeepAsTheLibrary(t *testing.T) {
	for _, around := range [][2]string{{`{"x":`, `,"rows":[]}`}, {`{"rows":[{"x":`, `}]}`}, {`{"rows":[{"call":{"any":`, `}}]}`}} {
		for _, nested := range [][2]string{{"[", "]"}, {`{"x":`, "}"}} {
			for depth := 9_990; depth < 10_004; depth++ {
				inner := strings.Repeat(nested[0], depth) + "1" + strings.Repeat(nested[1], depth)
				compareWithLibrary(t, []byte(around[0]+inner+around[1]), 1<<20)
			}
		}
	}
}

func FuzzScanner(f *testing.F) {
	for i, seed := range scannerSeeds() {
		f.Add([]byte(seed), uint8(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, chunk uint8) { compareWithLibrary(t, body, 1+int(chunk)) })
}

// What breaks the stream is the error, wherever it does.
func TestScannerReportsWhatBreaksTheStream(t *testing.T) {
	const page = `{"page":0,"rows":[{"id":"a","x":[1.5,true,"\u00e9"],"call":{"status":"s"}}],"total":1} `
	for cut := range len(page) {
		broken := errors.New("broken")
		_, err := scanPage(io.MultiReader(strings.NewReader(page[:cut]), brokenReader{broken}))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", cut, err)
		}
	}
	if _, err := scanPage(io.MultiReader(strings.NewReader(page), stuckReader{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that reads nothing: %v", err)
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

func TestWantedIsAllInDoubt(t *testing.T) {
	type recursive struct {
		Next *recursive `json:"next"`
		Rest string     `json:"rest"`
	}
	for _, test := range []struct {
		got  *wanted
		want string
	}{
		{wantedBy[struct {
			A int `json:"a"`
			B string
			c bool
			D []int `json:"-"`
		}](), "{a B}"},
		{wantedBy[[]struct{ A int }](), "[{A}]"},
		{wantedBy[**struct{ A [2]struct{ B Timestamp } }](), "{A[{B}]}"},
		{wantedBy[recursive](), "{next rest}"},
		{wantedBy[struct{}](), "{}"},
		{wantedBy[struct{ recursive }](), "all"},
		{wantedBy[struct {
			A map[string]any `json:",inline"`
		}](), "all"},
		{wantedBy[struct {
			A int `json:"a,string"`
		}](), "all"},
		{wantedBy[struct {
			A int `json:"a,case:ignore"`
		}](), "all"},
		{wantedBy[struct {
			A int `json:"'a,b'"`
		}](), "all"},
		{wantedBy[struct {
			A int `json:"é"`
		}](), "all"},
		{wantedBy[map[string]struct{ A int }](), "all"},
		{wantedBy[Timestamp](), "all"},
		{wantedBy[jsontext.Value](), "all"},
		{wantedBy[any](), "all"},
		{wantedBy[[]byte](), "all"},
	} {
		if got := test.got.String(); got != test.want {
			t.Errorf("wanted is %s, want %s", got, test.want)
		}
	}
}

func (w *wanted) String() string {
	switch {
	case w.members != nil:
		var names []string
		for _, m := range w.members {
			name := m.name
			if inner := m.wanted.String(); inner != "all" {
				name += inner
			}
			names = append(names, name)
		}
		return "{" + strings.Join(names, " ") + "}"
	case w.element != nil:
		return "[" + w.element.String() + "]"
	}
	return "all"
}
