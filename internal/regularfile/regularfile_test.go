package regularfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

func TestOnlySmallRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, size := range map[string]int{"empty": 0, "largest": 10, "larger": 11} {
		if err := os.WriteFile(path(name), []byte(strings.Repeat("k", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("largest", path("link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, says string }{
		{path("empty"), ""},
		{path("largest"), ""},
		{path("link"), ""},
		{path("larger"), "more bytes than the limit of 10"},
		{path("pipe"), "not a regular file"},
		{"/dev/zero", "not a regular file"},
		{dir, "not a regular file"},
		{path("absent"), "no such file"},
	} {
		text, err := regularfile.Read(test.path, 10)
		if test.says == "" {
			if err != nil || strings.Trim(string(text), "k") != "" {
				t.Errorf("%s: %q, %v", test.path, text, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.path) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", test.path, err, test.says)
		}
	}
}
