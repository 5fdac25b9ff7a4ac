package regularfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyRegularFilesOfTheRightSizeAreRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"empty": "", "full": "1234", "too large": "12345"} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link": "full", "link to a pipe": "pipe", "link to nothing": "none"} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, test := range map[string]struct{ content, says string }{
		at("empty"):           {},
		at("full"):            {content: "1234"},
		at("link"):            {content: "1234"},
		at("too large"):       {says: "has more bytes than the limit of 4"},
		at("pipe"):            {says: "not a regular file"},
		at("link to a pipe"):  {says: "not a regular file"},
		at("link to nothing"): {says: "no such file"},
		at("none"):            {says: "no such file"},
		dir:                   {says: "not a regular file"},
		"/dev/zero":           {says: "not a regular file"},
		"/dev/null":           {says: "not a regular file"},
	} {
		content, info, err := Read(path, 4)
		if test.says == "" {
			if err != nil || string(content) != test.content || info.Size() != int64(len(test.content)) {
				t.Errorf("%s: %q, %v, want %q", path, content, err, test.content)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) || content != nil {
			t.Errorf("%s: %q, error %v, want one that names it and says %q", path, content, err, test.says)
		}
	}
}
