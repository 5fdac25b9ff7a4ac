//go:build !race

package revoxapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A server that has something new on every page, as long as it is asked: 100,000 pages are read one after the other, which
// the race detector makes ten times slower.
func TestRowsGivesUpWhereEveryPageHasSomethingNew(t *testing.T) {
	n := 0
	client := newClient(t, "http://endless.invalid", revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		n++
		body := fmt.Sprintf(`{"rows":[{"id":"%d"}]}`, n)
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})))
	_, _, err := readAll(client, revoxapi.RowsParams{})
	asError(t, err, revoxapi.KindIncomplete)
}
