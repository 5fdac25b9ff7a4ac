package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// A web configuration that cannot be used is reported without any of its text, which may be a key or a password.
func TestErrorsOfTheWebConfigurationQuoteNothing(t *testing.T) {
	const canary = "sk_live_canary"
	dir := t.TempDir()
	for name, text := range map[string]string{"cert.pem": canary, "key.pem": "-----BEGIN " + canary + "-----\n-----END " + canary + "-----\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ name, text, says string }{
		{"a key", canary + "\n", "cannot be parsed at line 1: "},
		{"a list", "- " + canary, "cannot be parsed at line 1: "},
		{"other fields", canary + ": 1\n\n" + canary + "2: 2\n", "cannot be parsed at line 1, 3: "},
		{"a field twice", "basic_auth_users:\n  " + canary + ": a\n  " + canary + ": b\n", "cannot be parsed at line 3: "},
		{"an alias of nothing", "a: *" + canary, "cannot be parsed: "},
		{"no YAML", canary + ": [\n", "cannot be parsed at line 1: "},
		{"an unknown cipher", "tls_server_config: {cipher_suites: [" + canary + "]}", "cannot be parsed: "},
		{"a duration that is none", "rate_limit: {interval: " + canary + "}", "cannot be parsed at line 1: "},
		{"a header that is not allowed", "http_server_config: {headers: {" + canary + ": a}}", "headers and values that .* allows"},
		{"a header's value that is not allowed", "http_server_config: {headers: {X-Frame-Options: " + canary + "}}",
			"headers and values that .* allows"},
		{"a password in the clear", "basic_auth_users: {a: " + canary + "}", "must be hashes by bcrypt"},
		{"a bad cost of a hash", "basic_auth_users: {a: '$2a$" + canary + strings.Repeat("x", 60) + "'}", "must be hashes by bcrypt"},
		{"an unknown type of client authentication", "tls_server_config: {cert: a, key: b, client_auth_type: " + canary + "}",
			"its tls_server_config: "},
		{"no certificate", "tls_server_config: {key: " + canary + "}", "its tls_server_config: missing one of cert or cert_file"},
		{"a certificate that is none", "tls_server_config: {cert: " + canary + ", key: " + canary + "}",
			"its tls_server_config: the certificate and its key are not a pair"},
		{"files that are no certificates", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}",
			"its tls_server_config: the certificate and its key are not a pair"},
		{"a key for the path of a key", "tls_server_config: {cert_file: cert.pem, key_file: " + canary + "}",
			"names: no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "_")+".yml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out := runProgram(t, []string{"REVOX_API_KEY=key"}, "--web.listen-address=127.0.0.1:0",
				"--campaign.id=c", "--revox.base-url=http://127.0.0.1:1", "--web.config.file="+path)
			says := `(?m)^level=error .*msg="cannot serve" err="--web.config.file \(REVOX_EXPORTER_WEB_CONFIG_FILE\).*` +
				regexp.QuoteMeta(path) + `.*` + test.says
			if code != exitFailure || strings.Count(out, "\n") != 1 || !regexp.MustCompile(says).MatchString(out) {
				t.Errorf("exit code %d, want %d and one line with %q:\n%s", code, exitFailure, says, out)
			}
			for _, word := range []string{canary, "sk_"} {
				if strings.Contains(strings.ReplaceAll(out, path, ""), word) {
					t.Errorf("the text of the file is shown:\n%s", out)
				}
			}
		})
	}
}

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
				code, out := runProgram(t, []string{"REVOX_API_KEY=canary-key", test.env}, command, "--campaign.id=c",
					"--revox.base-url="+api.URL, "--web.listen-address=127.0.0.1:0")
				if test.says == "" {
					if code != exitOK {
						t.Errorf("%s: exit code %d:\n%s", command, code, out)
					}
				} else if code != exitUsage || strings.Count(out, "\n") != 1 || !regexp.MustCompile(test.says).MatchString(out) {
					t.Errorf("%s: exit code %d, want %d and one line with %q:\n%s", command, code, exitUsage, test.says, out)
				}
			}
		})
	}
}
