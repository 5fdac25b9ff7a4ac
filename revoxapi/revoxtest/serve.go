package revoxtest

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// The endpoints as faults name them.
const (
	endpointRows      = "rows"
	endpointCampaigns = "campaigns"
)

// exchange is one request and its answer.
type exchange struct {
	s        *Server
	w        http.ResponseWriter
	r        *http.Request
	number   int // in the log
	endpoint string
	id       string // the campaign asked for; "" for the list
	page     int    // the page asked for
}

// Handler returns what answers the requests, for a server of the caller's own. The paths are those under [Server.URL]:
// they start with /api.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{s: s, w: w, r: r}
		x.number = s.log.start(r, s.now())
		defer s.log.end()
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		x.serve()
	})
}

func (x *exchange) serve() {
	if !x.s.sleep(x.r.Context(), x.s.config.latency) {
		x.abort()
	}
	if key, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer "); !ok || key != x.s.config.key {
		// Error bodies are opaque, and this one is of the careless kind that a client must not repeat.
		x.error(http.StatusUnauthorized, "invalid API key "+strconv.Quote(key))
		return
	}
	if !x.route() {
		x.error(http.StatusNotFound, "no such route")
		return
	}
	if x.r.Method != http.MethodGet {
		x.w.Header().Set("Allow", http.MethodGet)
		x.error(http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	if f := x.s.fault(x); f != nil {
		f.apply(x)
		return
	}
	x.answer()
}

// route finds out what is asked for. The path is taken apart by hand: a ServeMux would redirect some odd campaign IDs.
func (x *exchange) route() bool {
	path, ok := strings.CutPrefix(x.r.URL.EscapedPath(), "/api/campaigns")
	if !ok {
		return false
	}
	x.endpoint = endpointCampaigns
	if path == "" {
		return true
	}
	parts := strings.Split(path, "/")
	id, err := url.PathUnescape(parts[min(1, len(parts)-1)])
	if parts[0] != "" || err != nil || id == "" {
		return false
	}
	x.id = id
	switch {
	case len(parts) == 2:
		return true
	case len(parts) == 3 && parts[2] == "rows":
		x.endpoint = endpointRows
		x.page, _, _ = x.parameter("page")
		return true
	}
	return false
}

// parameter reads a number from the query.
func (x *exchange) parameter(name string) (n int, given, ok bool) {
	values, given := x.r.URL.Query()[name]
	if !given {
		return 0, false, false
	}
	f, err := strconv.ParseFloat(values[0], 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, true, false
	}
	return int(f), true, true
}

// answer answers as if nothing were wrong.
func (x *exchange) answer() {
	write, code, message := x.content()
	if write == nil {
		x.error(code, message)
		return
	}
	x.stream(write)
}

// content finds what is to be answered: something that writes it, or else a status code and a message.
func (x *exchange) content() (write func(*wire.Encoder, func() error) error, code int, message string) {
	if x.endpoint == endpointRows {
		return x.rows()
	}
	if x.id == "" {
		return x.list, 0, ""
	}
	c := x.s.campaign(x.id)
	if c == nil {
		return nil, http.StatusNotFound, "campaign not found"
	}
	return func(e *wire.Encoder, _ func() error) error {
		e.Raw(`{"campaign":`)
		c.appendEntry(e, x.s.now())
		e.Raw(`}`)
		return nil
	}, 0, ""
}

func (x *exchange) list(e *wire.Encoder, flush func() error) error {
	e.Raw(`{"campaigns":[`)
	for i, c := range x.s.all() {
		if i > 0 {
			e.Raw(",")
		}
		c.appendEntry(e, x.s.now())
		if err := flush(); err != nil {
			return err
		}
	}
	e.Raw(`]}`)
	return nil
}

// rows prepares a page of rows, or all rows.
func (x *exchange) rows() (write func(*wire.Encoder, func() error) error, code int, message string) {
	cfg := &x.s.config
	page, size, first := x.page, 0, cfg.firstPage
	if !cfg.rowsOnly {
		var pageOK, sizeOK bool
		page, _, pageOK = x.parameter("page")
		size, _, sizeOK = x.parameter("page_size")
		if !pageOK || !sizeOK || size < 1 {
			return nil, http.StatusBadRequest, "page and page_size are required numbers"
		}
		if page < first && !cfg.lenient || page < 0 {
			return nil, http.StatusBadRequest, "no such page"
		}
		if cfg.sizeCap > 0 {
			size = min(size, cfg.sizeCap)
		}
	}
	f, ok := newFilter(x.r.URL.Query())
	if !ok && !cfg.rowsOnly {
		return nil, http.StatusBadRequest, "no such result"
	}
	f.kind = cfg.filter
	f.statuses = slices.DeleteFunc(f.statuses, func(status string) bool { return status == cfg.notFiltered })

	x.s.mu.Lock()
	onPage := x.s.onPage
	x.s.mu.Unlock()
	if onPage != nil {
		onPage(x.id, page)
	}
	c := x.s.campaign(x.id)
	if c == nil {
		return nil, http.StatusNotFound, "campaign not found"
	}
	if cfg.rowsOnly {
		return func(e *wire.Encoder, flush func() error) error {
			e.Raw(`{"rows":`)
			_, err := c.writeRows(e, flush, x.s.now(), filter{}, 0, math.MaxInt)
			e.Raw(`}`)
			return err
		}, 0, ""
	}
	return func(e *wire.Encoder, flush func() error) error {
		shown := max(page, first)
		if cfg.echo {
			shown = page
		}
		e.Raw(`{"page":`)
		e.Number(shown)
		e.Raw(`,"page_size":`)
		e.Number(size)
		e.Raw(`,"rows":`)
		from := math.MaxInt // beyond all rows, also where the product would not fit
		if n := max(page, first) - first; n <= math.MaxInt/size-1 {
			from = n * size
		}
		total, err := c.writeRows(e, flush, x.s.now(), f, from, size)
		if f.kind == FilterCountsAll {
			total = c.count(x.s.now())
		}
		if !cfg.noTotal {
			e.Raw(`,"total":`)
			e.Number(total)
		}
		e.Raw(`}`)
		return err
	}, 0, ""
}

// errGone is returned where nobody reads the answer any more.
var errGone = errors.New("the client is gone")

// flushAt is how much is written before it is sent: what is smaller gets a Content-Length.
const flushAt = 512 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, flushAt+flushAt/4); return &b }}

// stream answers with what write writes, compressed where the client likes it, without ever holding much of it: with an
// ETag, which goes ahead of the body, all of it.
func (x *exchange) stream(write func(*wire.Encoder, func() error) error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	e := &wire.Encoder{B: (*buf)[:0], Style: x.s.config.style}
	defer func() { *buf = e.B[:0] }()
	x.w.Header().Set("Content-Type", "application/json")

	coding := x.coding()
	var out io.Writer = x.w
	var packed packer
	send := func() error {
		_, err := out.Write(e.B)
		e.B = e.B[:0]
		return err
	}
	started := false
	start := func(whole bool) {
		started = true
		switch {
		case coding != "":
			x.w.Header().Set("Content-Encoding", coding)
			packed = packers[coding].Get().(packer)
			packed.Reset(x.w)
			out = packed
		case whole:
			x.w.Header().Set("Content-Length", strconv.Itoa(len(e.B)))
		}
		x.header(http.StatusOK)
	}
	err := write(e, func() error {
		switch {
		case len(e.B) < flushAt:
			return nil
		case x.r.Context().Err() != nil:
			return errGone
		case x.s.config.etags:
			return nil
		case !started:
			start(false)
		}
		return send()
	})
	if err == nil && x.s.config.etags && x.unchanged(e.B, coding) {
		return
	}
	if err == nil {
		if !started {
			start(true)
		}
		err = send()
	}
	if packed != nil {
		if err == nil {
			err = packed.Close()
		}
		packed.Reset(io.Discard)
		packers[coding].Put(packed)
	}
	if err != nil {
		x.abort()
	}
}

// header sends the status code, and notes it.
func (x *exchange) header(code int) {
	x.s.log.coded(x.number, code)
	x.w.WriteHeader(code)
}

// error answers with an error.
func (x *exchange) error(code int, message string) {
	b := append([]byte(`{"error":{"message":`), wire.AppendText(nil, message)...)
	x.send(code, "application/json", append(b, `}}`...))
}

// send answers with a body as it is.
func (x *exchange) send(code int, contentType string, body []byte) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.header(code)
	x.w.Write(body)
}

// abort ends the connection at once.
func (x *exchange) abort() { panic(http.ErrAbortHandler) }
