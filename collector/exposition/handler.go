package exposition

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
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
	others    prometheus.Gatherer // of what is not campaigns'
	plain     http.Handler        // promhttp's own, for what is asked for too rarely to be kept
	negotiate http.Handler        // promhttp's own, of no metrics: says in which format and encoding it would answer
	errors    *prometheus.CounterVec

	mu       sync.Mutex // held while rendering; no scan needs it
	view     *view
	revision uint64 // the last of a family
	rendered uint64 // families rendered so far
	text     renderings
	protobuf renderings
}

// The causes of promhttp_metric_handler_errors_total, which promhttp counts of its handlers and which is shared with them.
const (
	causeGathering = "gathering"
	causeEncoding  = "encoding"
)

// NewHandler returns a handler that serves what s has of campaigns together with the metrics of registry, as promhttp would. Metrics
// of its own work are registered there. It is safe for concurrent use: many scrapes at once share one rendering, and hold no lock
// that a scan needs. The error is that the metrics of its own work cannot be registered.
func NewHandler(s *store.Store, clock revoxapi.Clock, registry *prometheus.Registry, logger *slog.Logger) (http.Handler, error) {
	x := &handler{
		store: s, clock: clock, logger: logger, others: registry, view: &view{},
		text: make(renderings, len(families)), protobuf: make(renderings, len(families)),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "promhttp_metric_handler_errors_total",
			Help: "Total number of internal errors encountered by the promhttp metric handler."}, []string{"cause"}),
	}
	for _, cause := range []string{causeGathering, causeEncoding} {
		x.errors.WithLabelValues(cause)
	}
	if err := registry.Register(x.errors); err != nil {
		return nil, fmt.Errorf("registering the metrics of /metrics itself: %w", err)
	}
	opts := promhttp.HandlerOpts{
		// One broken family must not take the others along; the error is counted in promhttp_metric_handler_errors_total.
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(logger.Handler(), slog.LevelError),
		Registry:      registry,
		// The text format says le="1" and OpenMetrics le="1.0": a change between them would cut every histogram's series.
		EnableOpenMetrics: false,
	}
	campaigns := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return x.current().gather() })
	x.plain = promhttp.HandlerFor(prometheus.Gatherers{registry, campaigns}, opts)
	nothing := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, nil })
	x.negotiate = promhttp.HandlerFor(nothing, opts)
	return promhttp.InstrumentMetricHandler(registry, x), nil
}

// current returns what is shown now.
func (x *handler) current() *view {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.update()
	return x.view
}

// renderings are the families as they were rendered last in one format, compressed, by family.place.
type renderings []rendering

type rendering struct {
	revision uint64
	part     *deflated
}

// writeFamily writes a family in a format.
type writeFamily func(w io.Writer, f *family, campaigns []*campaignSeries) error

// ServeHTTP answers a scrape.
func (x *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	negotiated := headerOnly{}
	x.negotiate.ServeHTTP(negotiated, req)
	format, encoding := expfmt.Format(negotiated.Header().Get("Content-Type")), negotiated.Header().Get("Content-Encoding")
	write, kept := x.format(format)
	compress := encoding == string(promhttp.Gzip)
	if write == nil || encoding != "" && !compress || req.URL.Query().Has("name[]") {
		x.plain.ServeHTTP(w, req)
		return
	}
	others, err := x.others.Gather()
	view, parts := x.render(write, kept, compress)
	if len(others) == 0 && len(view.families) == 0 {
		x.plain.ServeHTTP(w, req) // which says why there is nothing
		return
	}
	if err := errors.Join(append([]error{err}, view.errs...)...); err != nil {
		x.report(causeGathering, "error gathering metrics; those that are not broken are served", err)
	}
	maps.Copy(w.Header(), negotiated.Header())
	if !compress {
		x.sent(x.writeIdentity(w, view, others, format, write))
		return
	}
	body, err := x.gzipped(view, parts, others, format)
	if err != nil {
		x.report(causeEncoding, "error compressing metrics", err)
		http.Error(w, "the metrics cannot be compressed", http.StatusInternalServerError)
		return
	}
	length := 0
	for _, data := range body {
		length += len(data)
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	for _, data := range body {
		if _, err := w.Write(data); err != nil {
			x.sent(err)
			return
		}
	}
}

// sent is told how writing an answer went. A client that is gone or too slow is its own affair.
func (x *handler) sent(err error) {
	if err != nil {
		x.errors.WithLabelValues(causeEncoding).Inc()
		x.logger.Debug("error sending metrics", "err", err)
	}
}

// format returns how a format is written and where its renderings are kept; nil for one that is left to promhttp.
func (x *handler) format(format expfmt.Format) (writeFamily, renderings) {
	switch format.FormatType() {
	case expfmt.TypeTextPlain:
		return writeText, x.text
	case expfmt.TypeProtoDelim:
		return writeProtobuf, x.protobuf
	}
	return nil, nil
}

// render returns what is shown now and, where compressed is wanted, each of its families rendered and compressed: anew
// if it has changed since the last time. Who asks while that goes on waits for it and shares it.
func (x *handler) render(write writeFamily, kept renderings, compressed bool) (*view, []*deflated) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.update()
	if !compressed {
		return x.view, nil
	}
	parts := make([]*deflated, len(x.view.families))
	for i, f := range x.view.families {
		r := &kept[f.place]
		if r.part == nil || r.revision != f.revision {
			part, err := deflate(func(w io.Writer) error { return write(w, f.family, x.view.campaigns) })
			if err != nil {
				x.report(causeEncoding, "error encoding a metric family", err)
				parts[i] = &deflated{}
				continue
			}
			*r = rendering{f.revision, part}
			x.rendered++
		}
		parts[i] = r.part
	}
	return x.view, parts
}

// encodeOthers returns families in a format. One that cannot be encoded is reported, and the others are there.
func (x *handler) encodeOthers(format expfmt.Format, families []*dto.MetricFamily) []byte {
	var out bytes.Buffer
	encoder := expfmt.NewEncoder(&out, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			x.report(causeEncoding, "error encoding a metric family", err)
		}
	}
	return out.Bytes()
}

// gzipped returns what is to be written one after the other.
func (x *handler) gzipped(v *view, campaigns []*deflated, others []*dto.MetricFamily, format expfmt.Format) ([][]byte, error) {
	var parts []*deflated
	err := v.inOrder(others, func(i int) error {
		parts = append(parts, campaigns[i])
		return nil
	}, func(families []*dto.MetricFamily) error {
		part, err := deflate(func(w io.Writer) error {
			_, err := w.Write(x.encodeOthers(format, families))
			return err
		})
		parts = append(parts, part)
		return err
	})
	if err != nil {
		return nil, err
	}
	return gzipMember(parts), nil
}

// writeIdentity writes the answer without compressing it: each family as it is rendered.
func (x *handler) writeIdentity(w io.Writer, v *view, others []*dto.MetricFamily, format expfmt.Format, write writeFamily) error {
	return v.inOrder(others, func(i int) error {
		return write(w, v.families[i].family, v.campaigns)
	}, func(families []*dto.MetricFamily) error {
		_, err := w.Write(x.encodeOthers(format, families))
		return err
	})
}

func (x *handler) report(cause, msg string, err error) {
	x.errors.WithLabelValues(cause).Inc()
	x.logger.Error(msg, "err", err)
}

// headerOnly is a response of which nothing but the header is wanted.
type headerOnly http.Header

func (h headerOnly) Header() http.Header         { return http.Header(h) }
func (h headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h headerOnly) WriteHeader(int)             {}
