package httpserver

import (
	"log/slog"
	"regexp"
	"strings"
)

// errorLog logs what net/http reports. Of failed TLS handshakes it shows only what can hold no text of a certificate, a
// client or a file: the error may quote the web configuration, which is read for each.
type errorLog struct{ logger *slog.Logger }

var (
	handshakeError = regexp.MustCompile(`(?s)^(http: TLS handshake error from \S+): (.*)$`)
	// harmless are errors that are all words of Go's.
	harmless = regexp.MustCompile(`^(EOF|(remote error: |failed to load X509KeyPair: )?tls: [A-Za-z0-9 ',;-]+(: \[[0-9a-f ]*\])?|` +
		`read tcp \S+: (i/o timeout|read: connection reset by peer))$`)
)

// Write logs one line of an http.Server.
func (l errorLog) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line), "\n")
	if found := handshakeError.FindStringSubmatch(text); found != nil {
		switch what := found[2]; {
		case strings.HasSuffix(what, "use of closed network connection"):
			return len(line), nil // we closed it, and said why
		case !harmless.MatchString(what):
			text = found[1] + ": the client's certificate or the web configuration cannot be used"
		}
	}
	l.logger.Warn(text)
	return len(line), nil
}
