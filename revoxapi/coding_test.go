package revoxapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Proxies spell codings in their own way, and say with 203 that they changed an answer.
func TestAnswersThatProxiesChangedAreRead(t *testing.T) {
	const body = `{"rows":[{"id":"1"}],"total":1}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(body)) // a bytes.Buffer takes everything
	_ = z.Close()
	for _, test := range []struct {
		codings []string
		body    string
	}{
		{nil, body},
		{[]string{""}, body},
		{[]string{"Identity"}, body},
		{[]string{"identity, identity"}, body},
		{[]string{"gzip"}, packed.String()},
		{[]string{"GZip"}, packed.String()},
		{[]string{"x-gzip"}, packed.String()},
		{[]string{"X-GZIP"}, packed.String()},
		{[]string{" gzip , identity"}, packed.String()},
		{[]string{"identity", "x-gzip"}, packed.String()},
		{[]string{",gzip,"}, packed.String()},
	} {
		for _, code := range []int{200, 203} {
			server := newServer(t)
			server.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(code, http.Header{"Content-Encoding": test.codings}, test.body)})
			if err := getPage(context.Background(), newClient(t, server.URL)); err != nil {
				t.Errorf("%d, Content-Encoding %q: %v", code, test.codings, err)
			}
		}
	}
}
