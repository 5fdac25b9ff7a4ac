//go:build !race

package faultmatrix

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// fault is one thing that goes wrong. Exactly one of behavior, detour and jump is set.
type fault struct {
	name     string
	behavior revoxtest.Behavior
	detour   func(*testing.T, *world) *detour
	jump     time.Duration // of the clock
	machine  *machineFault

	// reason is why a scan fails, "" if it succeeds. later, if not "", is the reason if the scan meets the fault on its
	// second page.
	reason, later revoxapi.ErrorKind
	// backAfter is how many intervals after the fault's end the campaign must be up again; 0: one.
	backAfter int
	// warnings is how many are logged although the scan succeeds. A failing scan logs one.
	warnings int
	// hangs reports that only a timeout, in real time, ends the request.
	hangs bool
	// floods reports that values use up a limit that both campaigns share. The sound one is read first then.
	floods bool
}

// accepted is the reason of faults in spite of which a scan succeeds.
const accepted revoxapi.ErrorKind = ""

type group struct {
	name   string
	faults []fault
}

func groups() []group {
	return []group{
		{"Refusals", refusals()},
		{"Connections", connections()},
		{"Bodies", bodies()},
		{"Wrong types", wrongTypes()},
		{"Rows", rowFaults()},
		{"Texts", texts()},
		{"The machine", machineFaults()},
		{"Clocks", []fault{
			{name: "the clock jumps a day forward", jump: 24 * time.Hour, reason: accepted},
			{name: "the clock jumps a day back", jump: -24 * time.Hour, reason: accepted},
		}},
	}
}

func refusals() []fault {
	status := func(code int) revoxtest.Behavior { return revoxtest.Status(code, nil, "canary words") }
	page := func(code int) revoxtest.Behavior {
		return revoxtest.Status(code, http.Header{"Content-Type": {"text/html"}}, "<html><body>canary words</body></html>")
	}
	limited := func(header ...string) revoxtest.Behavior {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return revoxtest.Status(429, h, "")
	}
	inTen := exportertest.Start.Add(10 * time.Minute)
	const long = 5 // minutes until a refused key is tried again
	return []fault{
		{name: "400", behavior: status(400), reason: revoxapi.KindBadResponse, later: revoxapi.KindIncomplete},
		{name: "401", behavior: status(401), reason: revoxapi.KindAuth, backAfter: long},
		{name: "403", behavior: status(403), reason: revoxapi.KindAuth, backAfter: long},
		{name: "403 with an HTML page (a firewall's challenge)", behavior: page(403), reason: revoxapi.KindBadResponse},
		{name: "404", behavior: status(404), reason: revoxapi.KindNotFound, later: revoxapi.KindIncomplete},
		{name: "407 (a proxy wants a password)", behavior: status(407), reason: revoxapi.KindBadResponse},
		{name: "408", behavior: status(408), reason: revoxapi.KindTimeout},
		{name: "409", behavior: status(409), reason: revoxapi.KindServerError},
		{name: "410", behavior: status(410), reason: revoxapi.KindNotFound},
		{name: "422", behavior: status(422), reason: revoxapi.KindBadResponse, later: revoxapi.KindIncomplete},
		{name: "425", behavior: status(425), reason: revoxapi.KindServerError},
		{name: "429 without `Retry-After`", behavior: revoxtest.RateLimited(""), reason: revoxapi.KindRateLimited},
		{name: "429, `Retry-After: 1`", behavior: revoxtest.RateLimited("1"), reason: revoxapi.KindRateLimited},
		{name: "429, `Retry-After: 600`", behavior: revoxtest.RateLimited("600"),
			reason: revoxapi.KindRateLimited, backAfter: 10},
		{name: "429, `Retry-After`: a date in ten minutes",
			behavior: revoxtest.RateLimited(inTen.Format(http.TimeFormat)),
			reason:   revoxapi.KindRateLimited, backAfter: 10},
		{name: "429, `Retry-After`: a date in the past",
			behavior: revoxtest.RateLimited("Sun, 01 Jan 2023 00:00:00 GMT"), reason: revoxapi.KindRateLimited},
		{name: "429, `Retry-After: 31536000` (a year)", behavior: revoxtest.RateLimited("31536000"),
			reason: revoxapi.KindRateLimited},
		{name: "429, `Retry-After: 3600000` (an hour in milliseconds)", behavior: revoxtest.RateLimited("3600000"),
			reason: revoxapi.KindRateLimited},
		{name: "429, `Retry-After`: a Unix time in ten minutes", behavior: limited("Retry-After", fmt.Sprint(inTen.Unix())),
			reason: revoxapi.KindRateLimited, backAfter: 10},
		{name: "429, `Retry-After`: a date in ten minutes, `Date` an hour off", reason: revoxapi.KindRateLimited, backAfter: 10,
			behavior: limited("Date", exportertest.Start.Add(time.Hour).Format(http.TimeFormat),
				"Retry-After", inTen.Add(time.Hour).Format(http.TimeFormat))},
		{name: "429, `X-RateLimit-Reset`: a Unix time in ten minutes", reason: revoxapi.KindRateLimited, backAfter: 10,
			behavior: limited("X-RateLimit-Reset", fmt.Sprint(inTen.Unix()))},
		{name: "429, `RateLimit-Reset: 600`", behavior: limited("RateLimit-Reset", "600"),
			reason: revoxapi.KindRateLimited, backAfter: 10},
		{name: "429, `Retry-After: -5`", behavior: revoxtest.RateLimited("-5"), reason: revoxapi.KindRateLimited},
		{name: "429, `Retry-After: soon`", behavior: revoxtest.RateLimited("soon"), reason: revoxapi.KindRateLimited},
		{name: "500", behavior: status(500), reason: revoxapi.KindServerError},
		{name: "502", behavior: status(502), reason: revoxapi.KindServerError},
		{name: "503", behavior: status(503), reason: revoxapi.KindServerError},
		{name: "503 with an HTML page", behavior: page(503), reason: revoxapi.KindServerError},
		{name: "503, `Retry-After: 600`", behavior: revoxtest.Status(503, http.Header{"Retry-After": {"600"}}, ""),
			reason: revoxapi.KindServerError, backAfter: 10},
		{name: "504", behavior: status(504), reason: revoxapi.KindServerError},
		{name: "a redirect elsewhere", behavior: revoxtest.Redirect("https://elsewhere.invalid/canary?canary=words"),
			reason: revoxapi.KindBadResponse},
		{name: "a redirect to itself", detour: redirecting(true), reason: revoxapi.KindBadResponse},
		{name: "a redirect that loses the page", detour: redirecting(false), reason: revoxapi.KindBadResponse},
		{name: "a redirect to https", behavior: revoxtest.Redirect("https://127.0.0.1/api"), reason: revoxapi.KindBadResponse},
		{name: "203, and gzip called `x-gzip`", detour: transformed, reason: accepted},
		{name: "an answer that a cache got an hour ago (`Age: 3600`)", detour: cached, reason: revoxapi.KindBadResponse},
		{name: "204", behavior: status(204), reason: revoxapi.KindBadResponse},
		{name: "304, though the request has no condition", behavior: revoxtest.Status(304, nil, ""), reason: revoxapi.KindBadResponse},
		{name: "999", behavior: status(999), reason: revoxapi.KindBadResponse},
	}
}

func connections() []fault {
	return []fault{
		{name: "connection refused", detour: closedPort, reason: revoxapi.KindConnection},
		{name: "the host's name does not exist", detour: noSuchName, reason: revoxapi.KindConnection},
		{name: "the name server fails", detour: nameServerFails, reason: revoxapi.KindConnection},
		{name: "a certificate of an unknown authority", detour: certified("127.0.0.1", time.Hour, false),
			reason: revoxapi.KindConnection},
		{name: "an expired certificate", detour: certified("127.0.0.1", -time.Hour, true), reason: revoxapi.KindConnection},
		{name: "a certificate for another host", detour: certified("elsewhere.invalid", time.Hour, true),
			reason: revoxapi.KindConnection},
		{name: "a server without TLS", detour: plainHTTP, reason: revoxapi.KindConnection},
		{name: "a proxy that asks for a password", detour: proxied(407), reason: revoxapi.KindConnection},
		{name: "a proxy that reaches nothing", detour: proxied(502), reason: revoxapi.KindConnection},
		{name: "closed before the answer", detour: speaking("", ""), reason: revoxapi.KindConnection},
		{name: "not HTTP", detour: speaking("SSH-2.0-OpenSSH_9.9\r\n", ""), reason: revoxapi.KindConnection},
		{name: "an endless header", reason: revoxapi.KindConnection,
			detour: speaking("HTTP/1.1 200 OK\r\n", "X-Canary: "+strings.Repeat("canary words ", 1000)+"\r\n")},
		{name: "reset before the answer", behavior: revoxtest.Reset(), reason: revoxapi.KindConnection},
		{name: "reset within the body", behavior: revoxtest.ResetInBody(), reason: revoxapi.KindConnection},
		{name: "no answer", behavior: revoxtest.Hang(), reason: revoxapi.KindTimeout, hangs: true},
		{name: "a body that never ends", behavior: revoxtest.HangInBody(), reason: revoxapi.KindTimeout, hangs: true},
		{name: "101, and the connection stays open", detour: switching, reason: revoxapi.KindBadResponse},
		{name: "HTTP/2 flow control that overflows, which blocks Go's client for ever", detour: overflowing,
			reason: revoxapi.KindTimeout, hangs: true},
		{name: "an HTTP/2 stream that is refused", detour: refusing(badserver.Reset(http2.ErrCodeRefusedStream)),
			reason: revoxapi.KindConnection},
		{name: "an HTTP/2 stream that is reset for a protocol error", detour: refusing(badserver.Reset(http2.ErrCodeProtocol)),
			reason: revoxapi.KindConnection},
		{name: "an HTTP/2 connection that ends before each answer", detour: refusing(badserver.GoAway),
			reason: revoxapi.KindConnection},
		{name: "an HTTP/2 connection that is silent; new ones are not", detour: spoiled(true, 0), reason: accepted, hangs: true},
		{name: "an HTTP/1.1 connection that is silent; new ones are not", detour: spoiled(false, 0), reason: accepted,
			hangs: true},
		{name: "503 on a kept HTTP/2 connection, not on new ones", detour: spoiled(true, 503), reason: accepted},
		{name: "503 on a kept HTTP/1.1 connection, not on new ones", detour: spoiled(false, 503), reason: accepted},
		{name: "421 on a kept connection, not on new ones", detour: spoiled(true, 421), reason: accepted},
		{name: "a body of a few bytes a second", behavior: revoxtest.Drip(10, 20*time.Millisecond),
			reason: revoxapi.KindTimeout, hangs: true},
	}
}

func bodies() []fault {
	text := func(body string) revoxtest.Behavior { return revoxtest.Body("application/json", body) }
	bad := revoxapi.KindBadResponse
	return []fault{
		{name: "shorter than its `Content-Length`", behavior: revoxtest.CutBody(), reason: bad},
		{name: "truncated JSON", behavior: revoxtest.CutJSON(), reason: bad},
		{name: "truncated gzip", behavior: revoxtest.CutGzip(), reason: bad},
		{name: "invalid gzip", reason: bad,
			behavior: revoxtest.Status(200, http.Header{"Content-Encoding": {"gzip"}}, "canary words")},
		{name: "an encoding that was not requested", reason: bad,
			behavior: revoxtest.Status(200, http.Header{"Content-Encoding": {"br"}}, "canary words")},
		{name: "a gzip bomb (a row of 1 GiB)", behavior: revoxtest.GzipBomb(1 << 30), reason: bad},
		{name: "a row of 100 MB", behavior: revoxtest.HugePage(100e6), reason: bad},
		{name: "a page of 100 MB in 100 rows", detour: answering(hundredRows), reason: accepted},
		{name: "HTML", behavior: revoxtest.Body("text/html", "<html><body>canary words</body></html>"), reason: bad},
		{name: "an empty body", behavior: text(""), reason: bad},
		{name: "`null`", behavior: text("null"), reason: bad},
		{name: "`[]`", behavior: text("[]"), reason: bad},
		{name: "`{}`", behavior: text("{}"), reason: bad},
		{name: "an error object", behavior: text(`{"error": "canary words"}`), reason: bad},
		{name: "`rows` that is `null`", behavior: revoxtest.SetField("rows", "null"), reason: bad},
		{name: "`rows` twice", behavior: text(`{"rows": [], "rows": []}`), reason: bad},
		{name: "`rows` that is `{}`", behavior: revoxtest.SetField("rows", "{}"), reason: bad},
		{name: "a byte order mark", behavior: revoxtest.ByteOrderMark(), reason: accepted},
		{name: "white space after the end", behavior: revoxtest.TrailingBytes("\r\n \t\n"), reason: accepted},
		{name: "rows that are `null`", behavior: text(`{"rows": [null]}`), reason: accepted},
		{name: "text after the end", behavior: revoxtest.TrailingBytes(`{"canary": "words"}`), reason: bad},
		{name: "three million rows that are `{}`", detour: answering(flood(`{"rows": [`, "{}", 3_000_000, "]}")), reason: bad},
		{name: "2.7 million attempts in a row", reason: bad,
			detour: answering(flood(`{"rows": [{"id": "r", "call": {"call_attempts": [`, "{}", 2_700_000, "]}}]}"))},
		{name: "nested arrays, a million deep", behavior: revoxtest.DeepNesting(1_000_000), reason: bad},
		{name: "nested objects in a field that is not read, a million deep", reason: bad,
			behavior: revoxtest.Body("application/json", `{"rows": [{"id": "r", "input_data": `+strings.Repeat(`{"x":`, 1_000_000))},
	}
}

// flood returns a function that writes n times the same between begin and end.
func flood(begin, item string, n int, end string) func(io.Writer) error {
	return func(w io.Writer) error {
		b := bufio.NewWriter(w)
		_, _ = b.WriteString(begin + item)
		for range n - 1 {
			_, _ = b.WriteString("," + item)
		}
		_, _ = b.WriteString(end)
		return b.Flush()
	}
}

// hundredRows writes a page of 100 MB, one row at a time.
func hundredRows(w io.Writer) error {
	_, err := io.WriteString(w, `{"rows": [`)
	comma, text := "", bytes.Repeat([]byte("a"), 1e6)
	for i := 0; i < 100 && err == nil; i++ {
		_, err = fmt.Fprintf(w, `%s{"id": "huge%d", "input_data": {"text": "%s"}}`, comma, i, text)
		comma = ","
	}
	if err == nil {
		_, err = io.WriteString(w, "]}")
	}
	return err
}

func wrongTypes() []fault {
	var faults []fault
	add := func(name string, behavior revoxtest.Behavior, reason revoxapi.ErrorKind) {
		faults = append(faults, fault{name: name, behavior: behavior, reason: reason})
	}
	for _, field := range []string{"call", "call_attempts"} {
		add("`"+field+"`", revoxtest.WrongType(field), revoxapi.KindBadResponse)
	}
	for _, field := range []string{
		"status", "outcome", "result", "dial_error", "ended_by", "end_reason", "page", "page_size", "total", "campaign", "name", "created_at", "started_at", "answered_at", "ended_at",
		"phone_number", "input_data", "transcript", "role", "tool_name", "tool_is_error", "tool_arguments", "assistant", "llm_model", "voice", "provider",
		"last_call_attempt",
	} {
		add("`"+field+"`", revoxtest.WrongType(field), accepted)
	}
	for _, field := range []string{"call", "call_attempts", "campaign", "status", "outcome", "result", "transcript", "role", "tool_name", "assistant"} {
		add("`"+field+"` that is `null`", revoxtest.SetField(field, "null"), accepted)
	}
	add("`id` that is a boolean", revoxtest.SetField("id", "true"), revoxapi.KindBadResponse)
	add("`total` that is negative", revoxtest.LyingTotal(-1), accepted)
	add("`total` that is a string of a number", revoxtest.SetField("total", fmt.Sprintf("%q", fmt.Sprint(rowsAfter))), accepted)
	add("`page` that is a string of a number", revoxtest.SetField("page", `"0"`), accepted)
	add("`campaign` that is `[]`", revoxtest.SetField("campaign", "[]"), accepted)
	add("`call_attempts` that is `{}`", revoxtest.SetField("call_attempts", "{}"), accepted)
	add("`transcript` that is `{}`", revoxtest.SetField("transcript", "{}"), accepted)
	add("`call` that is `[]`", revoxtest.SetField("call", "[]"), accepted)
	return faults
}

func rowFaults() []fault {
	type rows = []json.RawMessage
	mangle := revoxtest.MangleRows
	return []fault{
		{name: "every row twice", behavior: mangle(func(r rows) rows { return append(r, r...) }), reason: accepted},
		{name: "every other row missing", behavior: mangle(func(r rows) rows {
			var left rows
			for i := 0; i < len(r); i += 2 {
				left = append(left, r[i])
			}
			return left
		}), reason: accepted},
		{name: "no rows, `total` unchanged", behavior: mangle(func(rows) rows { return nil }), reason: accepted},
		{name: "no rows, `total` 0", reason: accepted,
			behavior: revoxtest.Body("application/json", `{"page": 0, "page_size": 10, "rows": [], "total": 0}`)},
		{name: "a transcript of 20,000 entries more", behavior: mangle(longTranscript), reason: revoxapi.KindBadResponse},
		{name: "every attempt twice", behavior: mangle(attemptsTwice), reason: accepted},
		{name: "rows in reverse order", behavior: mangle(func(r rows) rows { slices.Reverse(r); return r }),
			reason: accepted},
		{name: "rows without `id`", behavior: mangle(func(rows) rows { return rows{json.RawMessage(`{"call": null}`)} }),
			reason: revoxapi.KindBadResponse},
		{name: "a row that is `null`", behavior: mangle(func(r rows) rows { r[len(r)/2] = json.RawMessage("null"); return r }),
			reason: accepted},
		{name: "a row that is a text", behavior: mangle(func(r rows) rows { r[len(r)-1] = json.RawMessage(`"canary words"`); return r }),
			reason: accepted},
		{name: "`total` says ten more", behavior: revoxtest.LyingTotal(rowsAfter + 10), reason: accepted},
		{name: "`total` says 10^15", behavior: revoxtest.LyingTotal(1e15), reason: accepted},
		{name: "`total` says ten fewer", behavior: revoxtest.LyingTotal(rowsBefore - 10), reason: accepted},
		{name: "`total` says 0", behavior: revoxtest.LyingTotal(0), reason: accepted},
		{name: "no `total`", behavior: revoxtest.WithoutField("total"), reason: accepted},
	}
}

// longTranscript makes the transcript of one row longer.
func longTranscript(rows []json.RawMessage) []json.RawMessage {
	const begin = `"transcript":[`
	last := len(rows) - 1
	rows[last] = json.RawMessage(strings.Replace(string(rows[last]), begin, begin+strings.Repeat(`{"role":"user"},`, 20_000), 1))
	return rows
}

// attemptsTwice gives each call its attempts twice.
func attemptsTwice(rows []json.RawMessage) []json.RawMessage {
	for i, r := range rows {
		_, attempts, found := strings.Cut(string(r), `"call_attempts":[`)
		if !found || attempts[0] == ']' {
			continue
		}
		var first json.RawMessage
		if json.NewDecoder(strings.NewReader("["+attempts)).Decode(&first) != nil {
			return nil
		}
		inner := string(first[1 : len(first)-1])
		rows[i] = json.RawMessage(strings.Replace(string(r), inner, inner+","+inner, 1))
	}
	return rows
}

func texts() []fault {
	// flood gives each row a value of its own for each of the fields.
	flood := func(fields ...string) revoxtest.Behavior {
		return revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
			for i, r := range rows {
				var known struct{ ID string }
				if json.Unmarshal(r, &known) != nil {
					return nil
				}
				for _, field := range fields {
					pieces := strings.Split(string(r), `"`+field+`":`)
					for j := range pieces[1:] {
						// The old value moves to a field that is not read.
						pieces[1+j] = fmt.Sprintf(`"%s":"news-%s-%d","was":%s`, field, known.ID, j, pieces[1+j])
					}
					r = json.RawMessage(strings.Join(pieces, ""))
				}
				rows[i] = r
			}
			return rows
		})
	}
	odd := `"a\u0000b\"c\\d\ne` + strings.Repeat("é", 300) + `"`
	return []fault{
		{name: "bytes that are not UTF-8", behavior: revoxtest.InvalidUTF8(), reason: accepted},
		{name: "a NUL, quotes and line breaks in names", behavior: revoxtest.SetField("name", odd), reason: accepted},
		{name: "direction-changing and invisible characters in names", reason: accepted,
			behavior: revoxtest.SetField("name", `"\u202eSpr\u2066ing\u200b\ufeff\u2028"`)},
		{name: "a NUL, quotes and line breaks in values", behavior: revoxtest.SetField("end_reason", odd), reason: accepted},
		{name: "half a surrogate pair in values", behavior: revoxtest.SetField("end_reason", `"\ud800"`), reason: accepted},
		{name: "a sentence of few words instead of a value", reason: accepted,
			behavior: revoxtest.SetField("end_reason", `"Jane is ill"`)},
		{name: "an identifier instead of a known value", reason: accepted, warnings: 1,
			behavior: revoxtest.SetField("end_reason", `"agent_gave_up"`)},
		{name: "a telephone number instead of a value", behavior: revoxtest.SetField("end_reason", `"+336123 00001"`),
			reason: accepted},
		{name: "a flood of end reasons", behavior: flood("end_reason"), reason: accepted, warnings: 21, floods: true},
		{name: "a flood of tools", behavior: flood("tool_name"), reason: accepted, warnings: 1, floods: true},
		{name: "a tool whose name is a sentence", behavior: revoxtest.SetField("tool_name", `"canary words to Jane"`), reason: accepted},
		{name: "a flood of unknown values for every label", reason: accepted, warnings: 6 * 21, floods: true,
			behavior: flood("status", "outcome", "result", "dial_error", "ended_by", "end_reason")},
	}
}
