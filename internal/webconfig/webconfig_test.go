package webconfig_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

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
		{"an authority of clients that is none", "tls_server_config: {cert: a, key: b, client_auth_type: RequireAndVerifyClientCert, " +
			"client_ca_file: cert.pem}", " names: no certificate in PEM"},
		{"such an authority in the file itself", "tls_server_config: {cert: a, key: b, client_auth_type: RequireAndVerifyClientCert, " +
			"client_ca: " + canary + "}", ": no certificate in PEM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "_")+".yml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out := programtest.Run(t, []string{"REVOX_API_KEY=key"}, "--web.listen-address=127.0.0.1:0",
				"--campaign.id=c", "--revox.base-url=http://127.0.0.1:1", "--web.config.file="+path)
			says := `(?m)^level=error .*msg="cannot serve" err="--web.config.file \(REVOX_EXPORTER_WEB_CONFIG_FILE\).*` +
				regexp.QuoteMeta(path) + `.*` + test.says
			if code != 1 || strings.Count(out, "\n") != 1 || !regexp.MustCompile(says).MatchString(out) {
				t.Errorf("exit code %d, want 1 and one line with %q:\n%s", code, says, out)
			}
			for _, word := range []string{canary, "sk_"} {
				if strings.Contains(strings.ReplaceAll(out, path, ""), word) {
					t.Errorf("the text of the file is shown:\n%s", out)
				}
			}
		})
	}
}
