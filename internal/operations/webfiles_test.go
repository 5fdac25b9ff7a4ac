package operations

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lines returns the lines of a log with a match of pattern.
func lines(log, pattern string) []string {
	return regexp.MustCompile(`(?m)^.*`+pattern+`.*$`).FindAllString(log, -1)
}

// threads returns how many threads of the operating system the program has.
func (p *process) threads() int {
	p.t.Helper()
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(p.PID()) + "/task")
	if err != nil {
		p.t.Fatal(err)
	}
	return len(entries)
}

// While the web configuration, or a file that it names, is one that the program would wait for or be flooded by, requests are
// refused without one more thread, the health listener answers, and one line says why. With a good file it serves again.
func TestWebFilesThatGoBadWhileServing(t *testing.T) {
	t.Parallel()
	replace := func(path string, put func(next string) error) {
		t.Helper()
		if err := put(path + ".next"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".next", path); err != nil {
			t.Fatal(err)
		}
	}
	write := func(text []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, text, 0o600) }
	}
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	device := func(path string) error { return os.Symlink("/dev/zero", path) }
	large := func(path string) error {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		return os.Truncate(path, 2<<30)
	}
	const canary = "sk_live_canary"
	for _, test := range []struct {
		name      string
		encrypted bool
		file      string // which is replaced
		put       func(string) error
		says      string
	}{
		{"the configuration is a pipe", false, "web.yml", pipe, "web.yml: not a regular file"},
		{"the configuration is a device", false, "web.yml", device, "web.yml: not a regular file"},
		{"the configuration is too large", false, "web.yml", large, "web.yml has more bytes than the limit"},
		{"the configuration is text", false, "web.yml", write([]byte(canary)), "web.yml cannot be parsed at line 1"},
		{"the configuration has another field", false, "web.yml", write([]byte("\n" + canary + ": 1\n")), "cannot be parsed at line 2"},
		{"the configuration is a pipe, with TLS", true, "web.yml", pipe, "web.yml: not a regular file"},
		{"the configuration is text, with TLS", true, "web.yml", write([]byte(canary)), "web.yml cannot be parsed at line 1"},
		{"the configuration has another field, with TLS", true, "web.yml", write([]byte(canary + ": 1\n")), "cannot be parsed at line 1"},
		{"the certificate is a pipe", true, "cert.pem", pipe, "cert_file of the web configuration .* names: not a regular file"},
		{"the key is a pipe", true, "key.pem", pipe, "key_file of the web configuration .* names: not a regular file"},
		{"the key is a device", true, "key.pem", device, "key_file of the web configuration .* names: not a regular file"},
		{"the key is too large", true, "key.pem", large, "key_file of the web configuration .* names: more than 1048576 bytes"},
		{"the authorities of clients are a pipe", true, "ca.pem", pipe, "client_ca_file of the web configuration .* names: not a regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			certFrom, keyFrom := certificate(t)
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, name) }
			config := "basic_auth_users: {}\n"
			if test.encrypted {
				for to, from := range map[string]string{"cert.pem": certFrom, "key.pem": keyFrom, "ca.pem": certFrom} {
					text, err := os.ReadFile(from)
					if err != nil {
						t.Fatal(err)
					}
					file(t, at(to), string(text))
				}
				config = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  client_ca_file: ca.pem\n" +
					"  client_auth_type: VerifyClientCertIfGiven\n"
			}
			file(t, at("web.yml"), config)
			good, err := os.ReadFile(at(test.file))
			if err != nil {
				t.Fatal(err)
			}
			p := run(t, newAPI(t), "--campaign.id=a", "--web.config.file="+at("web.yml"), "--web.health-listen-address=127.0.0.1:0")
			url := "http://" + p.Address
			if test.encrypted {
				url = "https://" + p.Address
			}
			p.client.Timeout = 5 * time.Second // what hangs must not hang the test
			ask := func() int {
				resp, err := p.client.Get(url + "/metrics")
				if err != nil {
					return 0
				}
				resp.Body.Close()
				return resp.StatusCode
			}
			p.Await("it serves", func() bool { return ask() == http.StatusOK })
			before := p.threads()

			replace(at(test.file), test.put)
			want := http.StatusInternalServerError
			if test.encrypted {
				want = 0 // the connection is closed
			}
			const requests = 30
			codes := make(chan int, requests)
			for range requests {
				go func() { codes <- ask() }()
			}
			for range requests {
				if code := <-codes; code != want {
					t.Errorf("a request is answered with %d, want %d", code, want)
				}
			}
			if now := p.threads(); now > before+requests/2 {
				t.Errorf("%d threads became %d", before, now)
			}
			if code, _ := p.ask(http.MethodGet, "http://"+p.health()+"/-/healthy", nil); code != http.StatusOK {
				t.Errorf("the health listener answers %d", code)
			}
			replace(at(test.file), write(good))
			p.Await("it serves again", func() bool { return ask() == http.StatusOK })
			p.Terminate()
			if n := len(lines(p.Log(), `level=error .*msg="requests are refused until the web configuration can be used" .*`+test.says)); n != 1 {
				t.Errorf("%d lines say %q, want 1:\n%s", n, test.says, p.Log())
			}
			if n := len(lines(p.Log(), `level=info .*msg="the web configuration can be used again"`)); n != 1 {
				t.Errorf("%d lines say that it serves again, want 1:\n%s", n, p.Log())
			}
			if n := len(lines(p.Log(), `level=(warn|error)`)); n != 1 {
				t.Errorf("%d warnings and errors, want 1:\n%s", n, p.Log())
			}
			if strings.Contains(p.Log(), canary) {
				t.Errorf("the text of the file is shown:\n%s", p.Log())
			}
		})
	}
}

// A kept connection, of either version of HTTP, is refused and then served again too.
func TestWebFilesThatGoBadUnderAKeptConnection(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", http2), func(t *testing.T) {
			t.Parallel()
			config := fmt.Sprintf("tls_server_config: {cert_file: %s, key_file: %s}\n", cert, key)
			path := file(t, "web.yml", config)
			p := run(t, newAPI(t), "--campaign.id=a", "--web.config.file="+path)
			var dialed int
			client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2, //nolint:gosec // the test's own
				DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					dialed++
					return new(net.Dialer).DialContext(ctx, network, address)
				},
			}}
			defer client.CloseIdleConnections()
			ask := func(want int) {
				t.Helper()
				resp, err := client.Get("https://" + p.Address + "/-/healthy")
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, resp.Body) // or the connection is not kept
				resp.Body.Close()
				if err != nil || resp.StatusCode != want || (resp.ProtoMajor == 2) != http2 {
					t.Fatalf("%s with %s, want %d", resp.Proto, resp.Status, want)
				}
			}
			ask(http.StatusOK)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			ask(http.StatusInternalServerError)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			ask(http.StatusInternalServerError) // there is none
			file(t, path, config)
			ask(http.StatusOK)
			if dialed > 1 {
				t.Errorf("%d connections", dialed)
			}
		})
	}
}

// What a handshake fails of is shown only if it is no text of a certificate, a client or a file.
func TestFailedHandshakesQuoteNobody(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	path := file(t, "web.yml", fmt.Sprintf("tls_server_config:\n  cert_file: %s\n  key_file: %s\n  client_auth_type: RequireAnyClientCert\n"+
		"  client_allowed_sans: [canary.example.com]\n", cert, key))
	p := run(t, newAPI(t), "--campaign.id=a", "--web.config.file="+path)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	handshake := func(config *tls.Config) {
		config.InsecureSkipVerify = true
		conn, err := tls.Dial("tcp", p.Address, config)
		if err == nil {
			_, _ = conn.Read(make([]byte, 1)) // the server's refusal
			conn.Close()
		}
	}
	for _, test := range []struct {
		config *tls.Config
		says   string
	}{
		{&tls.Config{}, "tls: client didn't provide a certificate"},
		{&tls.Config{Certificates: []tls.Certificate{pair}}, "the client's certificate or the web configuration cannot be used"},
		{&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "tls: client offered only unsupported versions"},
		{&tls.Config{NextProtos: []string{"canary"}}, "the client's certificate or the web configuration cannot be used"},
	} {
		before := len(lines(p.Log(), test.says))
		handshake(test.config)
		p.Await("it says "+test.says, func() bool { return len(lines(p.Log(), "TLS handshake error from .*"+test.says)) > before })
	}
	if strings.Contains(p.Log(), "canary") {
		t.Errorf("the certificate's, the client's or the file's text is shown:\n%s", p.Log())
	}
}
