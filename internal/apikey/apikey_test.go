package apikey_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/apikey"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is a source whose calls each return what they are sent.
type slow struct{ calls chan chan string }

func (s slow) Key() (revoxapi.Secret, error) {
	answer := make(chan string)
	s.calls <- answer
	return revoxapi.NewSecret(<-answer), nil
}

// Calls that read the key before it changed, and return after others have read the new one, look like changes and are none.
func TestOneChangeIsLoggedOnceWhileManyRead(t *testing.T) {
	var logs bytes.Buffer
	source := slow{make(chan chan string)}
	key := apikey.LogChanges(source, "/etc/key", slog.New(slog.NewTextHandler(&logs, nil)))
	// begin makes a call, and returns a function that ends it with a key.
	begin := func() (end func(key string)) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = key.Key() // its error is nil
		}()
		answer := <-source.calls
		return func(key string) { answer <- key; <-ended }
	}
	begin()("canary-old")
	late, early := begin(), begin()
	early("canary-new")
	late("canary-old")
	begin()("canary-new")
	if n := strings.Count(logs.String(), "the API key has changed"); n != 1 || strings.Contains(logs.String(), "canary") ||
		!strings.Contains(logs.String(), "file=/etc/key") {
		t.Errorf("%d changes are logged:\n%s", n, &logs)
	}
}
