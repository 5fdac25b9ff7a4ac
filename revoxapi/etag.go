package revoxapi

import (
	"net/http"
	"strings"
)

// maxETag limits the length of an ETag, in bytes. It is longer than any hash in use.
const maxETag = 256

// usableETag returns tag if it can be sent as If-None-Match, "" if it is too long or not an ETag.
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

// etagOf returns the answer's ETag. If a 304 has none, it is the one that the request had.
func etagOf(resp *http.Response, asked string) string {
	tag := usableETag(resp.Header.Get("ETag"))
	if tag == "" && resp.StatusCode == http.StatusNotModified {
		return asked
	}
	return tag
}
