//go:build !race

package faultmatrix

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/revox-exporter/revox_exporter/internal/apitransport"
	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/internal/proxyenv"
)

// way is how requests get to the API. A detour leads those about the faulty campaign to another server, so that only
// this campaign meets faults of names, connections and certificates, and meets real ones.
type way struct {
	usual *http.Transport

	mu     sync.Mutex
	detour *detour
	page   *int // whose requests take the detour; nil: all
	times  int  // how many requests take it; 0: all
	taken  int

	// held, if not nil, keeps requests about the faulty campaign waiting until it is closed. It is set before requests are made.
	held chan struct{}
}

// detour is another server, and what reaches it.
type detour struct {
	origin    string                        // scheme and host
	transport *http.Transport               // its settings
	sender    func() apitransport.Transport // what sends requests, as the client does
}

func newWay() *way {
	usual := http.DefaultTransport.(*http.Transport).Clone()
	usual.DisableCompression = true
	return &way{usual: usual}
}

func (w *way) set(d *detour, page *int, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.detour, w.page, w.times, w.taken = d, page, times, 0
}

func (w *way) RoundTrip(req *http.Request) (*http.Response, error) {
	aboutFaulty := strings.Contains(req.URL.Path, "/campaigns/"+faulty+"/")
	if aboutFaulty && w.held != nil {
		select {
		case <-w.held:
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		}
	}
	w.mu.Lock()
	d := w.detour
	if d != nil && (!aboutFaulty ||
		w.page != nil && req.URL.Query().Get("page") != strconv.Itoa(*w.page) || w.times > 0 && w.taken == w.times) {
		d = nil
	}
	if d != nil {
		w.taken++
	}
	w.mu.Unlock()
	if d == nil {
		return w.usual.RoundTrip(req)
	}
	origin, err := url.Parse(d.origin)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host, req.Host = origin.Scheme, origin.Host, ""
	return d.sender().RoundTrip(req)
}

func (w *way) CloseIdleConnections() {
	w.usual.CloseIdleConnections()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.detour != nil {
		w.detour.sender().CloseIdleConnections()
	}
}

func to(t *testing.T, origin string) *detour {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression, transport.DisableKeepAlives = true, true
	d := &detour{origin: origin, transport: transport}
	d.sender = sync.OnceValue(func() apitransport.Transport { return apitransport.New(transport) })
	t.Cleanup(func() { d.sender().CloseIdleConnections() })
	return d
}

// closedPort is an address that refuses connections.
func closedPort(t *testing.T, _ *world) *detour {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return to(t, "http://"+l.Addr().String())
}

// noSuchName is a host whose name does not exist.
func noSuchName(t *testing.T, _ *world) *detour { return resolved(t, 3) }

// nameServerFails is a host whose name server reports a failure.
func nameServerFails(t *testing.T, _ *world) *detour { return resolved(t, 2) }

// resolved is a host for whose name the name server answers with an error code.
func resolved(t *testing.T, code byte) *detour {
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait)
	d := to(t, "http://revox.invalid.")
	answer := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		servers.Go(func() {
			defer far.Close()
			for {
				// On a stream the length precedes a message. The answer is the question with a code.
				var length [2]byte
				if _, err := io.ReadFull(far, length[:]); err != nil {
					return
				}
				message := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(far, message); err != nil || len(message) < 12 {
					return
				}
				message[2], message[3] = 0x81, 0x80|code
				if _, err := far.Write(append(length[:], message...)); err != nil {
					return
				}
			}
		})
		return near, nil
	}
	d.transport.DialContext = (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: answer}}).DialContext
	return d
}

// speaking is a server that sends text to each client. Then it repeats endless until the client goes or, if endless is "",
// closes the connection.
func speaking(text, endless string) func(*testing.T, *world) *detour {
	return func(t *testing.T, _ *world) *detour {
		return to(t, "http://"+badserver.Raw(t, func(conn net.Conn) {
			// Read the request first: closing would reset the connection otherwise.
			_, _ = conn.Read(make([]byte, 64<<10))
			_, err := io.WriteString(conn, text)
			for err == nil && endless != "" {
				_, err = io.WriteString(conn, endless)
			}
		}))
	}
}

// switching is a server that answers 101 and keeps the connection open.
func switching(t *testing.T, _ *world) *detour { return to(t, badserver.Switching(t)) }

// overflowing is the API over HTTP/2, where Go's client never returns.
func overflowing(t *testing.T, w *world) *detour {
	server := badserver.NewOverflow(t, w.API.Handler())
	server.Bad.Store(true)
	return keeping(t, server.Server)
}

// refusing is the API over HTTP/2, which refuses each request.
func refusing(refusal func(*http2.Framer, *http2.MetaHeadersFrame) error) func(*testing.T, *world) *detour {
	return func(t *testing.T, w *world) *detour {
		server := badserver.NewOverflow(t, w.API.Handler())
		server.Refusal.Store(&refusal)
		return keeping(t, server.Server)
	}
}

// redirecting is a server that redirects to where it was asked, with the parameters or without.
func redirecting(parameters bool) func(*testing.T, *world) *detour {
	return func(t *testing.T, _ *world) *detour {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !parameters {
				r.URL.RawQuery = ""
			}
			http.Redirect(rw, r, r.URL.String(), http.StatusFound)
		}))
		t.Cleanup(server.Close)
		return to(t, server.URL)
	}
}

// spoiled is the API with TLS. The first connection is answered with status or, if that is 0, is silent; others are fine.
func spoiled(overHTTP2 bool, status int) func(*testing.T, *world) *detour {
	return func(t *testing.T, w *world) *detour {
		server := badserver.NewKept(t, w.API.Handler(), overHTTP2, status)
		server.Spoil()
		return keeping(t, server.Server)
	}
}

// keeping is a detour to a server with TLS that keeps its connections.
func keeping(t *testing.T, server *httptest.Server) *detour {
	d := to(t, server.URL)
	d.transport.DisableKeepAlives = false
	d.transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return d
}

// plainHTTP is the API without TLS, on a port where the client expects TLS.
func plainHTTP(t *testing.T, w *world) *detour {
	return to(t, strings.Replace(strings.TrimSuffix(w.API.URL, "/api"), "http:", "https:", 1))
}

// certified is the API with TLS. Its certificate is for a host, expires after a time, and is trusted by the client or not.
func certified(host string, until time.Duration, trusted bool) func(*testing.T, *world) *detour {
	return func(t *testing.T, w *world) *detour {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{host},
			NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(until),
			KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			BasicConstraintsValid: true, IsCA: true,
		}
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = []net.IP{ip}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(w.API.Handler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // refusals of its certificate
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		server.StartTLS()
		t.Cleanup(server.Close)
		d := to(t, server.URL)
		if trusted {
			d.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
			d.transport.TLSClientConfig.RootCAs.AddCert(cert)
		}
		return d
	}
}

// proxied is the API behind a proxy that refuses to connect, with a code.
func proxied(code int) func(*testing.T, *world) *detour {
	return func(t *testing.T, _ *world) *detour {
		proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			http.Error(rw, "canary words", code)
		}))
		t.Cleanup(proxy.Close)
		at, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		d := to(t, "https://revox.invalid")
		d.transport.Proxy, d.transport.OnProxyConnectResponse = http.ProxyURL(at), proxyenv.OnConnect
		return d
	}
}

// transformed is the API behind a proxy that changes answers.
func transformed(t *testing.T, w *world) *detour {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.API.Handler().ServeHTTP(transforming{rw}, r)
	}))
	t.Cleanup(server.Close)
	return to(t, server.URL)
}

type transforming struct{ http.ResponseWriter }

func (w transforming) WriteHeader(code int) {
	if code == http.StatusOK {
		code = http.StatusNonAuthoritativeInfo
	}
	if h := w.Header(); h.Get("Content-Encoding") == "gzip" {
		h.Set("Content-Encoding", "x-gzip")
	}
	w.ResponseWriter.WriteHeader(code)
}

// cached is the API behind a cache that keeps answers longer than it is allowed to.
func cached(t *testing.T, w *world) *detour {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Age", "3600")
		w.API.Handler().ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	return to(t, server.URL)
}

// answering is a server whose answers write writes.
func answering(write func(io.Writer) error) func(*testing.T, *world) *detour {
	return func(t *testing.T, _ *world) *detour {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_ = write(rw) // an error means that the client has gone
		}))
		t.Cleanup(server.Close)
		return to(t, server.URL)
	}
}
