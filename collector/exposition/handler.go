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
	others    prometheus.Gatherer // the metrics that are not of campaigns
	plain     http.Handler        // promhttp's handler, for requests that are too rare to keep renderings for
	negotiate http.Handler        // promhttp's handler without metrics, which decides on the format and encoding
	errors    *prometheus.CounterVec

	mu       sync.Mutex // locked during rendering; no scan needs it
	view     *view
	revision uint64 // the last revision given to a family
	text     renderings
	protobuf renderings
}

// The causes of promhttp_metric_handler_errors_total. This handler and promhttp's share that metric.
const (
	causeGathering = "gathering"
	causeEncoding  = "encoding"
)

// NewHandler returns a handler that serves the campaigns in s and the metrics of registry, as promhttp would. It
// registers the metrics of the handler itself with registry; the error is that this failed. The handler is safe for
// concurrent use. Concurrent scrapes share one rendering, and hold no lock that a scan needs.
func NewHandler(
	s *store.Store, clock revoxapi.Clock, registry *prometheus.Registry, logger *slog.Logger,
) (http.Handler, error) {
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
		// A broken family must not affect the others. promhttp_metric_handler_errors_total counts the error.
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(logger.Handler(), slog.LevelError),
		Registry:      registry,
		// The text format writes le="1", OpenMetrics le="1.0": switching would start new series of histograms.
		EnableOpenMetrics: false,
	}
	campaigns := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return x.current().gather() })
	x.plain = promhttp.HandlerFor(prometheus.Gatherers{registry, campaigns}, opts)
	nothing := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, nil })
	x.negotiate = promhttp.HandlerFor(nothing, opts)
	return promhttp.InstrumentMetricHandler(registry, x), nil
}

// current returns the view of the current time.
func (x *handler) current() *view {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.update()
	return x.view
}

// renderings are the last compressed renderings of families in one format, by family.order.
type renderings []rendering

type rendering struct {
	revision uint64
	part     *deflated
}

// writeFamily writes a family of the campaigns in one format.
type writeFamily func(w io.Writer, f *family, campaigns []*campaignSeries) error

// ServeHTTP answers a scrape.
func (x *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	negotiated := headerOnly{}
	x.negotiate.ServeHTTP(negotiated, req)
	format := expfmt.Format(negotiated.Header().Get("Content-Type"))
	encoding := negotiated.Header().Get("Content-Encoding")
	write, kept := x.format(format)
	compress := encoding == string(promhttp.Gzip)
	if write == nil || encoding != "" && !compress || req.URL.Query().Has("name[]") {
		x.plain.ServeHTTP(w, req)
		return
	}
	others, err := x.others.Gather()
	view, parts, encodeErr := x.render(write, kept, compress)
	if len(others) == 0 && len(view.families) == 0 {
		x.plain.ServeHTTP(w, req) // it explains why there are no metrics
		return
	}
	if err := errors.Join(append([]error{err}, view.errs...)...); err != nil {
		x.report(causeGathering, "error gathering metrics; all others are served", err)
	}
	if encodeErr != nil {
		x.report(causeEncoding, "error encoding metric families", encodeErr)
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

// sent reports an error of writing an answer. It is only logged at level debug, because the client is gone or too slow.
func (x *handler) sent(err error) {
	if err != nil {
		x.errors.WithLabelValues(causeEncoding).Inc()
		x.logger.Debug("error sending metrics", "err", err)
	}
}

// format returns the writer and the renderings of a format; nil if promhttp must write it.
func (x *handler) format(format expfmt.Format) (writeFamily, renderings) {
	switch format.FormatType() {
	case expfmt.TypeTextPlain:
		return writeText, x.text
	case expfmt.TypeProtoDelim:
		return writeProtobuf, x.protobuf
	}
	return nil, nil
}

// render returns the current view and, if compressed is true, the compressed rendering of each of its families. It
// renders only the families that have changed. Concurrent callers wait for that and share the result. The error is about
// families that are omitted.
func (x *handler) render(write writeFamily, kept renderings, compressed bool) (_ *view, parts []*deflated, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.update()
	if !compressed {
		return x.view, nil, nil
	}
	parts = make([]*deflated, len(x.view.families))
	for i, f := range x.view.families {
		r := &kept[f.order]
		if r.part == nil || r.revision != f.revision {
			part, deflateErr := deflate(func(w io.Writer) error { return write(w, f.family, x.view.campaigns) })
			if deflateErr != nil {
				err = errors.Join(err, fmt.Errorf("metric %s: %w", f.Name, deflateErr))
				parts[i] = &deflated{}
				continue
			}
			*r = rendering{f.revision, part}
		}
		parts[i] = r.part
	}
	return x.view, parts, err
}

// encodeOthers returns families in a format. It reports and omits those that cannot be encoded.
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

// gzipped returns the pieces of a compressed answer, to be written one after the other.
func (x *handler) gzipped(
	v *view, campaigns []*deflated, others []*dto.MetricFamily, format expfmt.Format,
) ([][]byte, error) {
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

// writeIdentity writes an uncompressed answer while it renders it.
func (x *handler) writeIdentity(
	w io.Writer, v *view, others []*dto.MetricFamily, format expfmt.Format, write writeFamily,
) error {
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

// headerOnly is a response that keeps only the header.
type headerOnly http.Header

func (h headerOnly) Header() http.Header         { return http.Header(h) }
func (h headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h headerOnly) WriteHeader(int)             {}
