package privacy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
)

// speaking returns the address of a server that reads the first request of each connection and sends text. Nothing
// follows, unless wait says that something could.
func speaking(t *testing.T, config *tls.Config, text string, wait bool) (address string) {
	t.Helper()
	return badserver.Raw(t, func(conn net.Conn) {
		if config != nil {
			conn = tls.Server(conn, config)
		}
		// Whatever is wrong with the connection, the client sees it too. One that begins TLS or HTTP/2 sends no request that
		// could be read.
		in := bufio.NewReader(conn)
		for first, err := in.Peek(4); err == nil && first[0] != 0x16 && string(first) != "PRI "; {
			if line, err := in.ReadString('\n'); err != nil || line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(conn, text)
		if half, ok := conn.(interface{ CloseWrite() error }); ok && !wait {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, in) // closing would reset the connection while something is not read
	})
}

// certificate returns a certificate for hosts, which are all that it names, and a file with it for SSL_CERT_FILE.
func certificate(t *testing.T, hosts ...string) (config *tls.Config, file string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: hosts, IPAddresses: []net.IP{},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	template.Subject.CommonName, template.Subject.Organization = hosts[0], hosts
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}, file
}

// goAway is what an HTTP/2 server sends that accepts a request and then ends the connection for a reason.
func goAway(reason string) string {
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	frame := []byte{0, 0, byte(8 + len(reason)), 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xb}
	return settings + string(frame) + reason
}

// namedGzip is the beginning of a gzip stream that names a file, without a valid end.
func namedGzip(name string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Name, z.Comment = name, name
	_ = z.Flush() // a bytes.Buffer takes everything
	return b.String() + "\xff\xff\xff\xff" + name
}

// Whatever servers and proxies say, and wherever they say it, the log, the pages, the metrics and the check command say it
// in words of their own.
func TestNoWordOfAServerIsShown(t *testing.T) {
	const canary = "canary words of 192.0.2.99"
	const header = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for _, test := range []struct {
		name string
		text string // of the server
		says string // the log
		wait bool   // the server leaves the end of the connection to the client
	}{
		{"reason phrase", "HTTP/1.1 500 " + canary + "\r\nServer: " + canary + "\r\n\r\n" + canary, "500 Internal Server Error", false},
		{"unknown status", "HTTP/1.1 999 " + canary + "\r\n\r\n" + canary, "answered 999", false},
		{"early hints", "HTTP/1.1 103 " + canary + "\r\nLink: <https://canary.invalid>\r\n\r\nHTTP/1.1 400 " + canary +
			"\r\nWWW-Authenticate: " + canary + "\r\n\r\n", "400 Bad Request", false},
		{"firewall", "HTTP/1.1 403 " + canary + "\r\nContent-Type: text/html; charset=canary\r\n\r\n" + canary, "HTML page", false},
		{"page with the status of the API", header + "Content-Type: text/html; " + canary + "\r\n\r\n" + canary, "not JSON", false},
		{"proxy on the way", "HTTP/1.1 407 " + canary + "\r\nProxy-Authenticate: Basic realm=canary\r\n\r\n", "a proxy on the way answered 407", false},
		{"redirect", "HTTP/1.1 302 " + canary + "\r\nLocation: https://canary.invalid/canary?canary=canary\r\n\r\n", "to another host", false},
		{"redirect to no URL", "HTTP/1.1 302 Found\r\nLocation: http://[canary\r\n\r\n", "not HTTP", false},
		{"redirect to another scheme", "HTTP/1.1 302 Found\r\nLocation: canary://canary\r\n\r\n", "without a usable location", false},
		{"Retry-After", "HTTP/1.1 429 " + canary + "\r\nRetry-After: " + canary + "\r\nX-RateLimit-Reset: canary\r\n\r\n", "429 Too Many", false},
		{"status line", canary + "\r\n\r\n", "not HTTP", false},
		{"status code", "HTTP/1.1 canary\r\n\r\n", "not HTTP", false},
		{"version", "canary/1.1 200 OK\r\n\r\n", "not HTTP", false},
		{"header", header + canary + "\r\n\r\n", "not HTTP", false},
		{"length", header + "Content-Length: canary\r\n\r\n", "not HTTP", false},
		{"transfer encoding", header + "Transfer-Encoding: canary\r\n\r\n", "not HTTP", false},
		{"chunk", header + "Transfer-Encoding: chunked\r\n\r\ncanary\r\n", "not HTTP", false},
		{"trailer", header + "Transfer-Encoding: chunked\r\nTrailer: canary\r\n\r\n2\r\n{}\r\n0\r\ncanary\r\n\r\n", "", false},
		{"content coding", header + "Content-Encoding: canary\r\n\r\n" + canary, "encoded in a way", false},
		{"gzip", header + "Content-Encoding: gzip\r\n\r\n" + namedGzip("canary"), "gzip is broken", false},
		{"JSON", header + "\r\n" + `{"canary": canary}`, "not JSON", false},
		{"kept connection", header + "Content-Length: 21\r\n\r\n" + `{"rows":[],"total":0}` + canary + "\r\n", scanned, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wordsAreNotShown(t, test.says, "http://"+speaking(t, nil, test.text, test.wait)+"/api")
		})
	}

	for _, test := range []struct {
		name, text, says string
		hosts            []string // of the certificate; nil: there is none
		trusted, http2   bool
	}{
		{"no TLS", canary, "does not speak TLS", nil, false, false},
		{"HTTP instead of TLS", "HTTP/1.1 400 " + canary + "\r\n\r\n", "does not speak TLS", nil, false, false},
		{"certificate of an unknown authority", "", "not trusted here", []string{"canary.invalid", "127.0.0.1"}, false, false},
		{"certificate for another host", "", "for another host name", []string{"canary.invalid", "192.0.2.99"}, true, false},
		{"TLS", canary, "not HTTP", []string{"canary.invalid", "127.0.0.1"}, true, false},
		{"GOAWAY", goAway(canary), "broken off", []string{"canary.invalid", "127.0.0.1"}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var config *tls.Config
			env := []string{"SSL_CERT_DIR=" + t.TempDir()}
			if test.hosts != nil {
				var file string
				config, file = certificate(t, test.hosts...)
				if test.trusted {
					env = append(env, "SSL_CERT_FILE="+file)
				}
			}
			if test.http2 {
				config.NextProtos = []string{"h2"}
			}
			wordsAreNotShown(t, test.says, "https://"+speaking(t, config, test.text, false)+"/api", env...)
		})
	}

	for _, test := range []struct{ name, text, says string }{
		{"proxy that asks for a password", "HTTP/1.1 407 " + canary + "\r\nProxy-Authenticate: Basic realm=canary\r\n\r\n",
			"the proxy that HTTPS_PROXY names refused to connect, with 407 Proxy Authentication Required: put a user and password"},
		{"proxy that forbids", "HTTP/1.1 403 " + canary + "\r\nContent-Type: text/html\r\n\r\n" + canary,
			"the proxy that HTTPS_PROXY names refused to connect, with 403 Forbidden: have it allow the host"},
		{"proxy that reaches nothing", "HTTP/1.1 502 " + canary + "\r\n\r\n",
			"the proxy that HTTPS_PROXY names refused to connect, with 502 Bad Gateway"},
		{"proxy with a status of its own", "HTTP/1.1 999 " + canary + "\r\n\r\n", "refused to connect, with 999"},
		{"proxy that does not speak HTTP", canary + "\r\n\r\n", "not HTTP"},
		{"proxy that does not speak TLS after all", "HTTP/1.1 200 " + canary + "\r\n\r\n" + canary, "the connection failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wordsAreNotShown(t, test.says, "https://revox.invalid/api",
				"HTTPS_PROXY=http://canary-user:canary-password@"+speaking(t, nil, test.text, false))
		})
	}
	t.Run("proxy that is not there", func(t *testing.T) {
		t.Parallel()
		wordsAreNotShown(t, "the connection to the proxy that https_proxy names failed: connection refused",
			"https://revox.invalid/api", "https_proxy=http://canary-user:canary-password@127.0.0.1:1")
	})
	t.Run("proxy whose name does not exist", func(t *testing.T) {
		t.Parallel()
		wordsAreNotShown(t, "the connection to the proxy that HTTPS_PROXY names failed",
			"https://revox.invalid/api", "HTTPS_PROXY=http://canary-user:canary-password@canary.invalid:3128")
	})
	t.Run("proxy of requests without TLS", func(t *testing.T) {
		t.Parallel()
		log := wordsAreNotShown(t, "answered 502 Bad Gateway", "http://revox.invalid/api",
			"http_proxy=http://canary-user:canary-password@"+speaking(t, nil, "HTTP/1.1 502 "+canary+"\r\n\r\n", false))
		if n := strings.Count(log, "the API key and the answers can be read on the way, and by the proxy that http_proxy names"); n != 1 {
			t.Errorf("%d warnings that the proxy sees the key:\n%s", n, log)
		}
	})
}

// scanned is what the log says once a scan has succeeded.
const scanned = "first scan complete"

// wordsAreNotShown runs the program and its check command on an API, and demands that they show no canary, and that the
// log says why the scan failed, or what else it found; the landing page and check say why too. It returns the log.
func wordsAreNotShown(t *testing.T, says, url string, env ...string) (log string) {
	t.Helper()
	env = append(env, "REVOX_API_KEY="+key)
	args := []string{"--revox.base-url=" + url, "--campaign.id=c", "--revox.max-retries=0", "--scan.interval=1s"}
	p := start(t, env, args...)
	// A second scan uses the connection of the first, if it was kept.
	p.Await("another scan has ended, and the log says "+says, func() bool {
		log := p.Log()
		return (strings.Contains(log, `msg="scan failed again"`) || strings.Contains(log, `msg="scan complete"`)) && strings.Contains(log, says)
	})
	shown := map[string]string{}
	for _, path := range []string{"/metrics", "/", "/-/ready"} {
		shown[path] = p.body(path)
	}
	p.End(os.Interrupt)
	shown["log"] = p.Log()
	out, _ := programtest.Command(t.Context(), t, env, append([]string{"check"}, args...)...).CombinedOutput() // some fail
	shown["check"] = string(out)
	for where, text := range shown {
		for _, word := range []string{"canary", "192.0.2.99"} {
			if i := strings.Index(text, word); i >= 0 {
				t.Errorf("%s shows %q", where, text[max(0, i-80):min(len(text), i+80)])
			}
		}
	}
	// What comes on a kept connection before the next request fails nothing, and after it that request: a scan succeeds at last.
	if says != scanned && strings.Contains(shown["log"], "scan failed") {
		for _, where := range []string{"/", "check"} {
			if !strings.Contains(shown[where], says) {
				t.Errorf("%s does not say %q:\n%s", where, says, shown[where])
			}
		}
	}
	return shown["log"]
}
