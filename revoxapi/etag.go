package revoxapi

import (
	"net/http"
	"strings"
)

// maxETag is longer than any hash in use.
const maxETag = 256

// usableETag returns what can be sent as If-None-Match of a server's ETag: "" where that is too long, or is not one.
func usableETag(tag string) string {
	opaque := strings.TrimPrefix(tag, "W/")
	if len(tag) > maxETag || len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}
	for _, c := range []byte(opaque[1 : len(opaque)-1]) {
		if c <= ' ' || c == '"' || c >= 0x7f {
			return ""
		}
	}
	return tag
}

// etagOf returns the answer's own ETag or, where an answer that nothing changed has none, the one that was asked with.
func etagOf(resp *http.Response, asked string) string {
	tag := usableETag(resp.Header.Get("ETag"))
	if tag == "" && resp.StatusCode == http.StatusNotModified {
		return asked
	}
	return tag
}
