// Package webconfig checks the exporter-toolkit's web configuration, and serves with it. The toolkit opens the file for
// each request; this package refuses requests while the toolkit would wait for ever on it, be flooded by it, or quote it.
// It knows nothing of what is served.
package webconfig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// maxFileBytes is more than a web configuration or a chain of certificates needs.
const maxFileBytes = 1 << 20

// Config is a web configuration, or none.
type Config struct {
	// Flags are the toolkit's: the addresses to listen at, and the file, "" for none.
	Flags *web.FlagConfig
	// Flag is what errors call the flag of the file.
	Flag string
}

// Encrypts reports whether connections use TLS.
func (c Config) Encrypts() bool {
	file, err := c.read()
	return err == nil && file != nil && file.TLSConfig.IsEnabled()
}

// Check returns an error if the web configuration cannot be used. It quotes nothing of the file, which may be a key by
// mistake, and has passwords.
func (c Config) Check() error {
	file, err := c.read()
	if file == nil || err != nil {
		return err
	}
	bad := func(what string) error {
		return fmt.Errorf("%s: the web configuration %s cannot be used: %s", c.Flag, *c.Flags.WebConfigFile, what)
	}
	if file.TLSConfig.IsEnabled() {
		if _, err := web.ConfigToTLSConfig(&file.TLSConfig); err != nil {
			return bad("its tls_server_config: " + tlsProblem(err))
		}
	}
	if web.Validate(*c.Flags.WebConfigFile) != nil { // of what is left
		return bad("the passwords in basic_auth_users must be hashes by bcrypt, and http_server_config can set only the headers " +
			"and values that the exporter-toolkit allows")
	}
	return nil
}

// tlsProblem returns what an error of the exporter-toolkit says, without text of a file.
func tlsProblem(err error) string {
	for _, known := range []string{
		"missing one of cert or cert_file", "missing one of key or key_file", "invalid ClientAuth",
		"client CA's have been configured without a Client Auth Policy", "private key does not match public key",
	} {
		if strings.Contains(err.Error(), known) {
			return known
		}
	}
	return "the certificate and its key are not a pair in PEM"
}

// read returns the web configuration, nil if there is none. The error says if it cannot be parsed, or if the
// exporter-toolkit would wait for ever on, or be flooded by, the file or one that it names.
func (c Config) read() (*web.Config, error) {
	path := *c.Flags.WebConfigFile
	if path == "" {
		return nil, nil
	}
	text, _, err := regularfile.Read(path, maxFileBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Flag, err)
	}
	var file web.Config
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		return nil, fmt.Errorf("%s: the web configuration %s cannot be parsed%s: compare it with the exporter-toolkit's documentation",
			c.Flag, path, lines(err))
	}
	file.TLSConfig.SetDirectory(filepath.Dir(path))
	for _, named := range []struct{ by, path string }{
		{"cert_file", file.TLSConfig.TLSCertPath}, {"key_file", file.TLSConfig.TLSKeyPath}, {"client_ca_file", file.TLSConfig.ClientCAs},
	} {
		if named.path == "" {
			continue
		}
		text, _, err := regularfile.Read(named.path, maxFileBytes)
		if cause, ok := errors.AsType[*fs.PathError](err); ok {
			err = cause.Err // the path may be a key by mistake
		} else if err != nil {
			err = fmt.Errorf("more than %d bytes", maxFileBytes)
		} else if named.by == "client_ca_file" {
			err = checkAuthorities(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: the file that %s of the web configuration %s names: %w",
				c.Flag, named.by, path, err)
		}
	}
	if text := file.TLSConfig.ClientCAsText; text != "" {
		if err := checkAuthorities([]byte(text)); err != nil {
			return nil, fmt.Errorf("%s: client_ca of the web configuration %s: %w", c.Flag, path, err)
		}
	}
	return &file, nil
}

// checkAuthorities checks the authorities that sign the certificates of clients. The toolkit does not.
func checkAuthorities(pem []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return errors.New("no certificate in PEM: every client would be refused")
	}
	return nil
}

// lines returns where an error of the YAML parser is, without the text of the file: " at line 3, 7", or "".
func lines(err error) string {
	var found []string
	problems := []string{err.Error()}
	if all, ok := errors.AsType[*yaml.TypeError](err); ok {
		problems = all.Errors
	}
	for _, problem := range problems {
		if at := yamlLine.FindStringSubmatch(problem); at != nil && len(found) < 10 {
			found = append(found, at[1])
		}
	}
	if found == nil {
		return ""
	}
	return " at line " + strings.Join(found, ", ")
}

// yamlLine finds the line at the beginning of an error of the YAML parser.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// ListenAndServe serves as the exporter-toolkit does. The toolkit opens the web configuration for each request, and with
// TLS the files that it names for each connection. While it would wait for one of them for ever, or show text of it in
// the log, requests get 500, and connections with TLS are closed. server must have its hooks BaseContext and ConnState.
func (c Config) ListenAndServe(server *http.Server, logger *slog.Logger) error {
	if *c.Flags.WebConfigFile != "" {
		g := &gate{check: func() error { _, err := c.read(); return err }, logger: logger}
		g.guard(server)
	}
	return web.ListenAndServe(server, c.Flags, slog.New(withoutErrors{logger.Handler()}))
}

// gate refuses requests and connections while a check fails.
type gate struct {
	check  func() error
	logger *slog.Logger
	last   atomic.Pointer[string] // the last error, nil if there was none
}

// open reports whether the check succeeds. It logs when the result is another than before.
func (g *gate) open() bool {
	err := g.check()
	var now *string
	if err != nil {
		text := err.Error()
		now = &text
	}
	before := g.last.Swap(now)
	switch {
	case err == nil && before != nil:
		g.logger.Info("the web configuration can be used again")
	case err != nil && (before == nil || *before != *now):
		g.logger.Error("requests are refused until the web configuration can be used", "err", err)
	}
	return err == nil
}

// guard puts the gate in front of the handler that the exporter-toolkit sets, and in front of TLS handshakes. server must
// have its hooks BaseContext and ConnState.
func (g *gate) guard(server *http.Server) {
	base, state := server.BaseContext, server.ConnState
	server.BaseContext = func(listener net.Listener) context.Context { // called once the handler is set
		next := server.Handler
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !g.open() {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
		return base(listener)
	}
	server.ConnState = func(conn net.Conn, to http.ConnState) {
		state(conn, to)
		if _, encrypted := conn.(*tls.Conn); encrypted && to == http.StateNew && !g.open() {
			_ = conn.Close() // the server notices
		}
	}
}

// withoutErrors is a handler that drops the errors of records: those of the exporter-toolkit quote the configuration.
type withoutErrors struct{ slog.Handler }

// Handle implements slog.Handler.
func (h withoutErrors) Handle(ctx context.Context, record slog.Record) error {
	kept := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if a.Key != "err" {
			kept.AddAttrs(a)
		}
		return true
	})
	return h.Handler.Handle(ctx, kept)
}
