package authorities_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

// Certificate authorities that Go would wait for, or be flooded by, are refused at the start. What Go ignores is no error.
func TestTrustedFilesAreRegularAndOfSaneSize(t *testing.T) {
	api := revoxtest.NewServer(revoxtest.WithAPIKey("canary-key"))
	t.Cleanup(api.Close)
	api.SetRows("c", "", nil)
	folder := func(fill func(dir string) error) string {
		dir := t.TempDir()
		if err := fill(dir); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	at := filepath.Join
	pipe := folder(func(dir string) error { return syscall.Mkfifo(at(dir, "pipe"), 0o600) })
	device := folder(func(dir string) error { return os.Symlink("/dev/zero", at(dir, "device")) })
	large := folder(func(dir string) error {
		if err := os.WriteFile(at(dir, "large"), nil, 0o600); err != nil {
			return err
		}
		return os.Truncate(at(dir, "large"), 16<<20+1)
	})
	halves := folder(func(dir string) error {
		for _, name := range []string{"a", "b"} {
			if err := os.WriteFile(at(dir, name), nil, 0o600); err != nil {
				return err
			}
			if err := os.Truncate(at(dir, name), 9<<20); err != nil {
				return err
			}
		}
		return nil
	})
	good := folder(func(dir string) error {
		if err := os.Mkdir(at(dir, "folder"), 0o700); err != nil {
			return err
		}
		if err := os.Symlink("none", at(dir, "dangling")); err != nil {
			return err
		}
		return os.WriteFile(at(dir, "ca.pem"), []byte("text"), 0o600)
	})
	for _, test := range []struct{ name, env, says string }{
		{"a pipe", "SSL_CERT_FILE=" + at(pipe, "pipe"), "SSL_CERT_FILE: .*/pipe: not a regular file"},
		{"a device", "SSL_CERT_FILE=/dev/zero", "SSL_CERT_FILE: .*/dev/zero: not a regular file"},
		{"a folder", "SSL_CERT_FILE=" + good, "SSL_CERT_FILE: .*: not a regular file"},
		{"a large file", "SSL_CERT_FILE=" + at(large, "large"), "SSL_CERT_FILE: .*/large .*more bytes"},
		{"a pipe in a folder", "SSL_CERT_DIR=" + good + ":" + pipe, "SSL_CERT_DIR: .*/pipe: not a regular file"},
		{"a device in a folder", "SSL_CERT_DIR=" + device, "SSL_CERT_DIR: .*/device: not a regular file"},
		{"a large file in a folder", "SSL_CERT_DIR=" + large, "SSL_CERT_DIR: .*/large .*more bytes"},
		{"files that are large together", "SSL_CERT_DIR=" + halves, "SSL_CERT_DIR: .*/b .*more bytes"},
		{"a good file", "SSL_CERT_FILE=" + at(good, "ca.pem"), ""},
		{"no file", "SSL_CERT_FILE=" + at(good, "none"), ""},
		{"good folders", "SSL_CERT_DIR=" + good + "::" + at(good, "none"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, command := range []string{"check", "serve"} {
				if command == "serve" && test.says == "" {
					continue // it would serve
				}
				code, out := programtest.Run(t, []string{"REVOX_API_KEY=canary-key", test.env}, command, "--campaign.id=c",
					"--revox.base-url="+api.URL, "--web.listen-address=127.0.0.1:0")
				if test.says == "" {
					if code != 0 {
						t.Errorf("%s: exit code %d:\n%s", command, code, out)
					}
				} else if code != 2 || strings.Count(out, "\n") != 1 || !regexp.MustCompile(test.says).MatchString(out) {
					t.Errorf("%s: exit code %d, want 2 and one line with %q:\n%s", command, code, test.says, out)
				}
			}
		})
	}
}
