// Package answertest has answers of the API for tests that need no server: the rows of a file, and a client that gets one
// body whatever it asks for.
package answertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Rows returns the rows of a file, which is a JSON array.
func Rows(t testing.TB, path string) []json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Client returns a client that gets body as the answer to each request.
func Client(t testing.TB, body []byte) *revoxapi.Client {
	t.Helper()
	client, err := revoxapi.NewClient(revoxapi.StaticKey("k"), revoxapi.WithBaseURL("http://fuzz.invalid"),
		revoxapi.WithMaxRetries(0), revoxapi.WithTransport(always(body)))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// always is a transport that answers each request with itself.
type always []byte

// RoundTrip implements http.RoundTripper.
func (body always) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}
