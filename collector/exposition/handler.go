package exposition

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// handler serves /metrics.
type handler struct {
	store     *store.Store
	clock     revoxapi.Clock
	logger    *slog.Logger
	others    prometheus.Gatherer // the metrics that are not of campaigns
	negotiate http.Handler        // promhttp's handler without metrics, which decides on the format and encoding
	errors    *prometheus.CounterVec
	formats   map[expfmt.FormatType]*served

	mu   sync.Mutex // protects view
	view *view
}

// served is a format with its last compressed rendering of all families.
type served struct {
	format
	turn chan struct{} // holds an element while a request renders; it takes turns, because the others want the result
	kept *kept         // for the request whose turn it is; nil before the first
}

// kept is the compressed rendering of the view with a revision. It is immutable.
type kept struct {
	revision uint64
	part     deflated
	omitted  []error
}

func serve(f format) *served { return &served{format: f, turn: make(chan struct{}, 1)} }

// The causes of promhttp_metric_handler_errors_total. This handler and promhttp's share that metric.
const (
	causeGathering = "gathering"
	causeEncoding  = "encoding"
)

// NewHandler returns a handler that serves the campaigns in s and the metrics of registry, as promhttp would. It
// registers the metrics of the handler itself with registry; the error is that this failed. The handler is safe for
// concurrent use. Concurrent scrapes share one compressed rendering in each format, and hold no lock that a scan needs.
// Answers that are not compressed, or have only some families, are rendered while they are sent.
func NewHandler(
	s *store.Store, clock revoxapi.Clock, registry *prometheus.Registry, logger *slog.Logger,
) (http.Handler, error) {
	x := &handler{
		store: s, clock: clock, logger: logger, others: registry, view: &view{},
		formats: map[expfmt.FormatType]*served{
			expfmt.TypeTextPlain:    serve(textFormat),
			expfmt.TypeProtoDelim:   serve(protobufFormat),
			expfmt.TypeProtoText:    serve(protoTextFormat),
			expfmt.TypeProtoCompact: serve(protoCompactFormat),
		},
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "promhttp_metric_handler_errors_total",
			Help: "Total number of internal errors encountered by the promhttp metric handler."}, []string{"cause"}),
	}
	for _, cause := range []string{causeGathering, causeEncoding} {
		x.errors.WithLabelValues(cause)
	}
	if err := registry.Register(x.errors); err != nil {
		return nil, fmt.Errorf("registering the metrics of /metrics itself: %w", err)
	}
	nothing := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, nil })
	x.negotiate = promhttp.HandlerFor(nothing, promhttp.HandlerOpts{
		OfferedCompressions: []promhttp.Compression{promhttp.Identity, promhttp.Gzip},
		// The text format writes le="1", OpenMetrics le="1.0": switching would start new series of histograms.
		EnableOpenMetrics: false,
	})
	return promhttp.InstrumentMetricHandler(registry, x), nil
}

// current returns the view of the current time.
func (x *handler) current() *view {
	x.mu.Lock()
	defer x.mu.Unlock()
	records, now := x.store.All(), x.clock.Now()
	next := &view{x.view.revision + 1, make([]campaign, len(records))}
	for i, r := range records {
		next.campaigns[i] = campaign{r, x.store.Shown(r, now)}
	}
	if !slices.Equal(next.campaigns, x.view.campaigns) {
		x.view = next
	}
	return x.view
}

// ServeHTTP answers a scrape.
func (x *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	negotiated := headerOnly{}
	x.negotiate.ServeHTTP(negotiated, req)
	contentType := expfmt.Format(negotiated.Header().Get("Content-Type"))
	format := x.formats[contentType.FormatType()]
	compress := negotiated.Header().Get("Content-Encoding") == string(promhttp.Gzip)
	wanted := wantedFamilies(req)
	campaigns := func(w io.Writer) ([]error, error) { return format.write(unbuffered{w}, x.current(), wanted) }
	if compress && wanted == nil {
		select {
		case format.turn <- struct{}{}:
			last := x.render(format)
			campaigns = func(w io.Writer) ([]error, error) { return last.omitted, w.(*gzipWriter).insert(last.part) }
		case <-req.Context().Done():
			return // the client has gone
		}
	}
	others, gatherErr := x.others.Gather()
	others = slices.DeleteFunc(others, func(f *dto.MetricFamily) bool { return !wanted.has(f.GetName()) })
	first := slices.IndexFunc(others, func(f *dto.MetricFamily) bool { return f.GetName() > families[0].Name })
	if first < 0 {
		first = len(others)
	}
	maps.Copy(w.Header(), negotiated.Header())
	answer := func(w io.Writer) error {
		if err := x.writeOthers(w, contentType, others[:first]); err != nil {
			return err
		}
		omitted, err := campaigns(w)
		if err := errors.Join(append([]error{gatherErr}, omitted...)...); err != nil {
			x.report(causeGathering, "error gathering metrics; all others are served", err)
		}
		if err != nil {
			return err
		}
		return x.writeOthers(w, contentType, others[first:])
	}
	write := answer
	if compress {
		write = func(w io.Writer) error { return writeGzip(w, answer) }
	}
	if err := write(w); err != nil {
		// The client is gone or too slow.
		x.errors.WithLabelValues(causeEncoding).Inc()
		x.logger.Debug("error sending metrics", "err", err)
	}
}

// render returns the compressed rendering of the current view. It must be the caller's turn, which ends.
func (x *handler) render(format *served) *kept {
	defer func() { <-format.turn }()
	if v := x.current(); format.kept == nil || format.kept.revision != v.revision {
		next := &kept{revision: v.revision}
		next.part = deflate(func(w io.Writer) (err error) {
			next.omitted, err = format.write(w, v, nil)
			return err
		})
		format.kept = next
	}
	return format.kept
}

// familyNames are the names of families; nil means all.
type familyNames map[string]bool

// wantedFamilies returns the families that a request asks for.
func wantedFamilies(req *http.Request) familyNames {
	names := req.URL.Query()["name[]"]
	if len(names) == 0 {
		return nil
	}
	wanted := familyNames{}
	for _, name := range names {
		wanted[name] = true
	}
	return wanted
}

func (n familyNames) has(name string) bool { return n == nil || n[name] }

// writeOthers writes families that are not of campaigns. It reports and omits those that cannot be encoded.
func (x *handler) writeOthers(w io.Writer, format expfmt.Format, families []*dto.MetricFamily) error {
	var out bytes.Buffer
	encoder := expfmt.NewEncoder(&out, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			x.report(causeEncoding, "error encoding a metric family", err)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (x *handler) report(cause, msg string, err error) {
	x.errors.WithLabelValues(cause).Inc()
	x.logger.Error(msg, "err", err)
}

// headerOnly is a response that keeps only the header.
type headerOnly http.Header

func (h headerOnly) Header() http.Header         { return http.Header(h) }
func (h headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h headerOnly) WriteHeader(int)             {}

// unbuffered hides that a writer takes compressed families: each client would hold one.
type unbuffered struct{ io.Writer }
