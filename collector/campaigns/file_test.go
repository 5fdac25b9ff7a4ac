package campaigns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestCampaignFileFormats(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"YAML":                       {"# ours\n- a\n- b # theirs\n", []string{"a", "b"}},
		"YAML with quotes and ---":   {"---\n- \"a\"\n- 'b'\n...\n", []string{"a", "b"}},
		"YAML on one line":           {"[a, b]", []string{"a", "b"}},
		"YAML with CRLF and BOM":     {"\ufeff- a\r\n- b\r\n", []string{"a", "b"}},
		"JSON":                       {`["a", "b"]`, []string{"a", "b"}},
		"JSON with tabs and escapes": {"[\n\t\"\\u0061\",\n\t\"b\"\n]\n", []string{"a", "b"}},
		"JSON with other escapes":    {"\ufeff" + `["a\/b", "\ud83c\uDF81", "c\\\/d", "e\u002f\\ud83c"]`, []string{"a/b", "🎁", `c\/d`, `e/\ud83c`}},
		"an explicitly empty list":   {"[]", []string{}},
		"IDs that look like other types": {
			"- 007\n- 1e5\n- true\n- 2024-05-01\n- 0x10\n- 7c9e6679-7425-40de-944b-e07fc1f90ae7\n",
			[]string{"007", "1e5", "true", "2024-05-01", "0x10", "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
		},
		"objects": {
			"- id: a\n- b\n- id: 007\n  labels: {team: sales}\n- match: x\n  labels: {}\n- {id: c, labels: }\n",
			[]string{"a", "b", "007", "c"},
		},
		"objects in JSON": {`[{"id": "a", "labels": {"team": "sales"}}, "b", {"match": "x", "labels": {"team": "x"}}]`,
			[]string{"a", "b"}},
		"labels alone": {"- {match: x, labels: {team: x}}", []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCampaignFile([]byte(test.text), hidesKey)
			if err != nil || !slices.Equal(got.ids, test.want) {
				t.Errorf("%q, %v; want %q", got.ids, err, test.want)
			}
		})
	}
}

// The examples of the documents are good.
func TestExamplesOfCampaignFiles(t *testing.T) {
	example, _, err := readCampaignFile("../../examples/campaigns.yml", hidesKey)
	if err != nil || len(example.entries) == 0 {
		t.Errorf("examples/campaigns.yml: %+v, %v", example, err)
	}
	text, err := os.ReadFile("../../docs/teams.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(- .*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/teams.md has no campaign file")
	}
	if file, err := parseCampaignFile(block[1], hidesKey); err != nil || len(file.ids) != 2 || len(file.labels.matches) != 3 {
		t.Errorf("docs/teams.md: %+v, %v", file, err)
	}
}

const testKey = "sk_canary_key"

func hidesKey(text string) bool { return strings.Contains(text, testKey) }

// references returns n entries whose labels are those of the entry &x.
func references(n int) string {
	var entries strings.Builder
	for i := range n {
		fmt.Fprintf(&entries, "- {id: %d, labels: *x}\n", i)
	}
	return entries.String()
}

func TestBadCampaignFiles(t *testing.T) {
	const canary = "canary"
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, says string }{
		"nothing":                   {"", "it is empty: write []"},
		"comments alone":            {"# canary\n", "it is empty: write []"},
		"null":                      {"null\n", "it is empty: write []"},
		"a key":                     {"canary-key\n", "it is not a plain list"},
		"a mapping":                 {"campaigns: [canary]\n", "it is not a plain list"},
		"lists":                     {"- a\n- [canary]\n", "line 2: entry 2 must be a campaign ID, or have no keys but id or match, and labels"},
		"invalid YAML":              {"- a\n- \"canary\n", "line 3: it cannot be parsed"},
		"unknown anchor":            {"- *canary\n", "it cannot be parsed"},
		"cut JSON":                  {`["a", "canar`, "it cannot be parsed"},
		"NUL":                       {"- a\x00canary\n", "it cannot be parsed"},
		"not UTF-8":                 {"- canary\xff\n", "it cannot be parsed"},
		"two documents":             {"- a\n---\n- canary\n", "something follows its list"},
		"two JSON lists":            {`["a"] ["canary"]`, "something follows its list"},
		"no ID":                     {"- a\n-\n", "entry 2 is not a campaign ID"},
		"an invalid ID":             {"- a\n\n- canary canary\n", "line 3: entry 2 is not a campaign ID"},
		"a path":                    {"- ..\n", "entry 1 is not a campaign ID"},
		"a long ID":                 {"- " + strings.Repeat("canary", 50), "entry 1 is not a campaign ID"},
		"an ID twice":               {"- a\n- canary\n- canary\n", "line 3: entry 3 is the same campaign as entry 2"},
		"an ID twice, as an object": {"- canary\n- labels: {}\n  id: canary\n", "line 2: entry 2 is the same campaign as entry 1"},
		"the key as an ID":          {"- a\n- " + testKey + "\n", "line 2: entry 2 is the API key"},
		"the key in a label":        {"- id: a\n  labels:\n    a: x" + testKey + "\n", "line 3: entry 1 has the API key as a label"},
		"the key as a name":         {"- id: a\n  labels:\n    " + testKey + ": x\n", "line 3: entry 1 has a label with a bad name"},
		"an object without keys":    {"- {}\n", "line 1: entry 1 is not a campaign ID"},
		"an object without an ID":   {"- labels: {team: canary}\n", "line 1: entry 1 is not a campaign ID"},
		"an object as an ID":        {"- id: {canary: canary}\n", "line 1: entry 1 is not a campaign ID"},
		"a wrong key":               {"- id: a\n  canary: a\n", "line 2: entry 1 must be a campaign ID, or have no keys but id or match"},
		"a key twice":               {"- id: a\n  labels: {}\n  labels: {canary: a}\n", "line 3: entry 1 must be a campaign ID, or have no keys"},
		"ID and match":              {"- a\n- {id: b, match: canary, labels: {}}\n", "line 2: entry 2 has both id and match"},
		"match alone":               {"- a\n-\n  match: canary\n", "line 3: entry 2 has match, but no labels"},
		"match without labels":      {"- {match: canary, labels: }\n", "line 1: entry 1 has match, but no labels"},
		"an empty match":            {"- match: ''\n  labels: {}\n", "line 1: entry 1 has a match that is not a regular expression of 1 to 1000 bytes"},
		"a list as match":           {"- labels: {}\n  match: [canary]\n", "line 2: entry 1 has a match that is not a regular expression"},
		"a bad match":               {"- labels: {}\n  match: (canary\n", "line 2: entry 1 has a match that is not a regular expression: missing closing )"},
		"a match that closes two":   {"- {match: 'canary)|(', labels: {}}\n", "not a regular expression: unexpected )"},
		"a huge match":              {"- {match: '(canary{1000}){1000}', labels: {}}\n", "not a regular expression: invalid repeat count"},
		"a long match":              {"- {match: " + strings.Repeat(canary, 200) + ", labels: {}}\n", "1 to 1000 bytes"},
		"too many matches":          {strings.Repeat("- {match: canary, labels: {}}\n", 101), "line 101: entry 101 is one too many: a file has at most 100"},
		"labels as a list":          {"- id: a\n  labels: [canary]\n", "line 2: entry 1 has labels that are not a mapping of names to values"},
		"a text as labels":          {"- id: a\n  labels: canary\n", "line 2: entry 1 has labels that are not a mapping of names to values"},
		"a label twice":             {"- id: a\n  labels:\n    canary: 1\n    canary: 2\n", "line 4: entry 1 has labels that are not a mapping"},
		"a name in upper case":      {"- id: a\n  labels:\n    canary: 1\n    Canary: 2\n", "line 4: entry 1 has a label with a bad name"},
		"a name with a dash":        {"- {id: a, labels: {canary-x: 1}}\n", "line 1: entry 1 has a label with a bad name"},
		"a name with a newline":     {"- {id: a, labels: {\"canary\\n\": 1}}\n", "line 1: entry 1 has a label with a bad name"},
		"a name that is a number":   {"- {id: a, labels: {1: canary}}\n", "line 1: entry 1 has a label with a bad name"},
		"a long name":               {"- {id: a, labels: {" + strings.Repeat("c", 61) + ": canary}}\n", "at most 60 characters"},
		"no name":                   {"- {id: a, labels: {'': canary}}\n", "entry 1 has a label with a bad name"},
		"no value":                  {"- id: a\n  labels:\n    canary:\n", "line 3: entry 1 has a label whose value is not text"},
		"an empty value":            {"- id: a\n  labels:\n    canary: ' '\n", "line 3: entry 1 has a label whose value is not text"},
		"a value of no width":       {"- id: a\n  labels:\n    canary: \"\\u200b\"\n", "line 3: entry 1 has a label whose value is not text"},
		"a list as a value":         {"- id: a\n  labels:\n    canary: [canary]\n", "line 3: entry 1 has a label whose value is not text"},
		"too many names": {"- {id: a, labels: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1}}\n- {id: b, labels: {f: 1, g: 1, h: 1, i: 1, j: 1, canary: 1}}\n" +
			"- {match: c, labels: {a: 1}}\n", "line 2: entry 2 has a further name of a label: a file has at most 10"},
		"too many labels by reference": {"- {id: a, labels: &x {a: " + strings.Repeat(canary, 50) + "}}\n" + references(9000),
			"has too much: a file has at most 1048576 bytes of labels"},
		"too large": {"- a\n#" + strings.Repeat(canary, maxCampaignFileBytes/6), "more bytes than the limit of 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_")+".yml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := readCampaignFile(path, hidesKey)
			if err == nil {
				t.Fatal("no error")
			}
			says := err.Error()
			if !strings.Contains(says, test.says) || !strings.Contains(says, path) || strings.Contains(says, "\n") {
				t.Errorf("error %v, want one line that says %q and names the file", err, test.says)
			}
			if strings.Contains(says, canary) || strings.Contains(says, testKey) {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
	for _, path := range []string{dir, filepath.Join(dir, "none"), "/dev/zero"} {
		if _, _, err := readCampaignFile(path, hidesKey); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the path", path, err)
		}
	}
}

// Exactly one entry gives a campaign's labels.
func TestLabelsOfCampaigns(t *testing.T) {
	file, err := parseCampaignFile([]byte(`
- plain
- {id: given, labels: {team: 007, tier: "gold\tplated"}}
- {id: none, labels: {}}
- {match: "Spring.*", labels: {team: sales}}
- {match: "Spring sale", labels: {team: never}}
- {match: "Test|Trial", labels: {}}
- {match: "(?i).*ret.*", labels: {on_call: 'Ret''s "own" \ team `+strings.Repeat("é", 300)+`'}}
`), hidesKey)
	if err != nil {
		t.Fatal(err)
	}
	text := func(id, name string) (s string) {
		for _, l := range file.labels.Of(id, name) {
			if l.Value != "" {
				s += l.Name + "=" + l.Value + ";"
			}
		}
		return s
	}
	for _, test := range []struct{ id, name, want string }{
		{"plain", "", ""},
		{"plain", "Spring", "label_team=sales;"},
		{"given", "Spring", "label_team=007;label_tier=gold\ufffdplated;"},
		{"none", "Spring", ""},
		{"other", "Spring sale", "label_team=sales;"},
		{"other", "My Spring", ""},
		{"other", "Spring\nsale", "label_team=sales;"},
		{"other", "Test", ""},
		{"other", "Test for retail", `label_on_call=Ret's "own" \ team ` + strings.Repeat("é", 256-len(`Ret's "own" \ team `)) + ";"},
		{"other", "Trials", ""},
		{"other", "", ""},
	} {
		if got := text(test.id, test.name); got != test.want {
			t.Errorf("campaign %s named %q: %q, want %q", test.id, test.name, got, test.want)
		}
	}
	var names []string
	for _, l := range file.labels.Of("given", "") {
		names = append(names, l.Name)
	}
	if want := []string{"label_on_call", "label_team", "label_tier"}; !slices.Equal(names, want) {
		t.Errorf("a campaign has the labels %q, want %q", names, want)
	}
	if (*Labels)(nil).Of("given", "Spring") != nil {
		t.Error("no file gives labels")
	}
}

// Accepted IDs and labels are valid, and writing them as JSON gives the same file.
func FuzzCampaignFile(f *testing.F) {
	for _, seed := range []string{
		"- a\n- b\n", `["a", "b"]`, "[]", "", "null", "---\n- a\n---\n- b\n", "- &x a\n- *x\n", "- id: a\n",
		"- 1e5\n- ~\n- true\n- 0b1\n", "- |\n  a\n", "- >-\n  a\n  b\n", "- !!binary YQ==\n", "- !!str a\n",
		"- \"\\x61\"\n", "? a\n", "\ufeff- a\r\n", "%YAML 1.1\n---\n- a\n", "- ..\n",
		"- a\n- a\n", "[a, [b]]", "- <<: a\n", "[\t\"a\"]", "- \"\\x80\"\n", "- \"a\\u200b\"\n",
		"- {id: a, labels: {team: a, t_2: \"\\u202e\"}}\n- {match: b.*, labels: {team: 1e5}}\n", "- {match: (, labels: {}}\n",
		"- id: a\n  labels: &x {a: b}\n- {match: c, labels: *x}\n- {match: d, labels: {<<: *x, b: c}}\n", "- &x {id: *x}\n",
		`[{"id": "a", "labels": {"a": "b", "a": "c"}}, {"match": "", "labels": []}, {"id": {}, "x": 1}, {}]`,
		"- <<: {id: a}\n  labels: {1: 2, ~: 3, [a]: b}\n", "- {match: a, labels: {a: ~, b: !!binary YQ==}}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseCampaignFile(text, hidesKey)
		if err != nil {
			if file.ids != nil || file.labels != nil {
				t.Errorf("%+v with an error", file)
			}
			return
		}
		seen := map[string]bool{}
		for _, id := range file.ids {
			if err := revoxapi.CheckCampaignID(id); err != nil || seen[id] || hidesKey(id) {
				t.Errorf("accepted %q: %v, seen before: %v", id, err, seen[id])
			}
			seen[id] = true
			checkLabels(t, file.labels.Of(id, ""))
		}
		for _, m := range file.labels.matches {
			checkLabels(t, m.labels)
		}
		plain := make([]any, len(file.entries))
		for i, e := range file.entries {
			fields := map[string]any{}
			if e.match != "" {
				fields["match"] = e.match
			} else {
				fields["id"] = e.id
			}
			if e.labels != nil {
				fields["labels"] = e.labels
			}
			plain[i] = fields
		}
		var written bytes.Buffer
		encoder := json.NewEncoder(&written)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(plain); err != nil {
			t.Fatal(err)
		}
		again, err := parseCampaignFile(written.Bytes(), hidesKey)
		if err != nil || !again.equal(file) {
			t.Errorf("%s is read as %+v: %v", written.Bytes(), again, err)
		}
	})
}

// checkLabels fails the test unless labels are none, or such as a series may have.
func checkLabels(t *testing.T, labels []Label) {
	values := ""
	for i, l := range labels {
		name, prefixed := strings.CutPrefix(l.Name, "label_")
		if !prefixed || !labelName.MatchString(name) || i > 0 && l.Name <= labels[i-1].Name || hidesKey(l.Name+l.Value) ||
			!utf8.ValidString(l.Value) || utf8.RuneCountInString(l.Value) > labelvalue.MaxNameRunes {
			t.Errorf("accepted label %+v of %+v", l, labels)
		}
		values += l.Value
	}
	if labels != nil && values == "" || len(labels) > maxLabelNames {
		t.Errorf("accepted labels %+v", labels)
	}
}
