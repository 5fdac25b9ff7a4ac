package main

import (
	"context"
	"crypto/tls"
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

// maxWebFileBytes is more than a web configuration or a chain of certificates needs.
const maxWebFileBytes = 1 << 20

// checkWebConfig returns an error if the web configuration cannot be used. It quotes nothing of the file, which may be a
// key by mistake, and has passwords.
func (f *flagValues) checkWebConfig() error {
	c, err := f.readWebConfig()
	if c == nil || err != nil {
		return err
	}
	bad := func(what string) error {
		return fmt.Errorf("%s: the web configuration %s cannot be used: %s", f.name("web.config.file"), *f.web.WebConfigFile, what)
	}
	if c.TLSConfig.IsEnabled() {
		if _, err := web.ConfigToTLSConfig(&c.TLSConfig); err != nil {
			return bad("its tls_server_config: " + tlsProblem(err))
		}
	}
	if web.Validate(*f.web.WebConfigFile) != nil { // of what is left
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

// readWebConfig returns the web configuration, nil if there is none. The error says if it cannot be parsed, or if the
// exporter-toolkit would wait for ever on, or be flooded by, the file or one that it names.
func (f *flagValues) readWebConfig() (*web.Config, error) {
	path := *f.web.WebConfigFile
	if path == "" {
		return nil, nil
	}
	text, _, err := regularfile.Read(path, maxWebFileBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name("web.config.file"), err)
	}
	var c web.Config
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		return nil, fmt.Errorf("%s: the web configuration %s cannot be parsed%s: compare it with the exporter-toolkit's documentation",
			f.name("web.config.file"), path, lines(err))
	}
	c.TLSConfig.SetDirectory(filepath.Dir(path))
	for _, named := range []struct{ by, path string }{
		{"cert_file", c.TLSConfig.TLSCertPath}, {"key_file", c.TLSConfig.TLSKeyPath}, {"client_ca_file", c.TLSConfig.ClientCAs},
	} {
		if named.path == "" {
			continue
		}
		if _, _, err := regularfile.Read(named.path, maxWebFileBytes); err != nil {
			if cause, ok := errors.AsType[*fs.PathError](err); ok {
				err = cause.Err // the path may be a key by mistake
			} else {
				err = fmt.Errorf("more than %d bytes", maxWebFileBytes)
			}
			return nil, fmt.Errorf("%s: the file that %s of the web configuration %s names: %w",
				f.name("web.config.file"), named.by, path, err)
		}
	}
	return &c, nil
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

// listenAndServe serves as the exporter-toolkit does. The toolkit opens the web configuration for each request, and with
// TLS the files that it names for each connection. While it would wait for one of them for ever, or show text of it in
// the log, requests get 500, and connections with TLS are closed.
func (f *flagValues) listenAndServe(server *http.Server, logger *slog.Logger) error {
	if *f.web.WebConfigFile != "" {
		gate := &webGate{check: func() error { _, err := f.readWebConfig(); return err }, logger: logger}
		gate.guard(server)
	}
	return web.ListenAndServe(server, f.web, slog.New(withoutErrors{logger.Handler()}))
}

// webGate refuses requests and connections while a check fails.
type webGate struct {
	check  func() error
	logger *slog.Logger
	last   atomic.Pointer[string] // the last error, nil if there was none
}

// open reports whether the check succeeds. It logs when the result is another than before.
func (g *webGate) open() bool {
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
func (g *webGate) guard(server *http.Server) {
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
