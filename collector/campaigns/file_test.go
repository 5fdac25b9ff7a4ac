package campaigns

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
		"an explicitly empty list":   {"[]", []string{}},
		"IDs that look like other types": {
			"- 007\n- 1e5\n- true\n- 2024-05-01\n- 0x10\n- 7c9e6679-7425-40de-944b-e07fc1f90ae7\n",
			[]string{"007", "1e5", "true", "2024-05-01", "0x10", "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCampaignFile([]byte(test.text))
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestBadCampaignFiles(t *testing.T) {
	const canary = "canary"
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, says string }{
		"nothing":        {"", "it is empty: write []"},
		"comments alone": {"# canary\n", "it is empty: write []"},
		"null":           {"null\n", "it is empty: write []"},
		"a key":          {"canary-key\n", "it is not a plain list"},
		"a mapping":      {"campaigns: [canary]\n", "it is not a plain list"},
		"mappings":       {"- id: canary\n", "it is not a plain list"},
		"lists":          {"- [canary]\n", "it is not a plain list"},
		"invalid YAML":   {"- a\n- \"canary\n", "line 3: it cannot be parsed"},
		"unknown anchor": {"- *canary\n", "it cannot be parsed"},
		"cut JSON":       {`["a", "canar`, "it cannot be parsed"},
		"NUL":            {"- a\x00canary\n", "it cannot be parsed"},
		"not UTF-8":      {"- canary\xff\n", "it cannot be parsed"},
		"two documents":  {"- a\n---\n- canary\n", "something follows its list"},
		"two JSON lists": {`["a"] ["canary"]`, "something follows its list"},
		"no ID":          {"- a\n-\n", "entry 2 is not a campaign ID"},
		"an invalid ID":  {"- a\n- canary canary\n", "entry 2 is not a campaign ID"},
		"a path":         {"- ..\n", "entry 1 is not a campaign ID"},
		"a long ID":      {"- " + strings.Repeat("canary", 50), "entry 1 is not a campaign ID"},
		"an ID twice":    {"- a\n- canary\n- canary\n", "entry 3 is the same campaign as entry 2"},
		"too large":      {"- a\n#" + strings.Repeat(canary, maxCampaignFileBytes/6), "more bytes than the limit of 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_")+".yml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := readCampaignFile(path)
			if err == nil {
				t.Fatal("no error")
			}
			says := err.Error()
			if !strings.Contains(says, test.says) || !strings.Contains(says, path) || strings.Contains(says, "\n") {
				t.Errorf("error %v, want one line that says %q and names the file", err, test.says)
			}
			if strings.Contains(says, canary) {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
	for _, path := range []string{dir, filepath.Join(dir, "none"), "/dev/zero"} {
		if _, _, err := readCampaignFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one that names the path", path, err)
		}
	}
}

// Accepted IDs are valid and distinct, and writing them as JSON gives the same list.
func FuzzCampaignFile(f *testing.F) {
	for _, seed := range []string{
		"- a\n- b\n", `["a", "b"]`, "[]", "", "null", "---\n- a\n---\n- b\n", "- &x a\n- *x\n", "- id: a\n",
		"- 1e5\n- ~\n- true\n- 0b1\n", "- |\n  a\n", "- >-\n  a\n  b\n", "- !!binary YQ==\n", "- !!str a\n",
		"- \"\\x61\"\n", "? a\n", "\ufeff- a\r\n", "%YAML 1.1\n---\n- a\n", "- ..\n",
		"- a\n- a\n", "[a, [b]]", "- <<: a\n", "[\t\"a\"]", "- \"\\x80\"\n", "- \"a\\u200b\"\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ids, err := parseCampaignFile(text)
		if err != nil {
			if ids != nil {
				t.Errorf("%d campaigns with an error", len(ids))
			}
			return
		}
		seen := map[string]bool{}
		for _, id := range ids {
			if err := revoxapi.CheckCampaignID(id); err != nil || seen[id] {
				t.Errorf("accepted %q: %v, seen before: %v", id, err, seen[id])
			}
			seen[id] = true
		}
		var plain bytes.Buffer
		encoder := json.NewEncoder(&plain)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(ids); err != nil {
			t.Fatal(err)
		}
		again, err := parseCampaignFile(plain.Bytes())
		if err != nil || !slices.Equal(again, ids) {
			t.Errorf("%q, written as JSON, is read as %q: %v", ids, again, err)
		}
	})
}
