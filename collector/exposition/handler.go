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
	negotiate http.Handler        // promhttp's handler without metrics, which decides on the format and encoding
	errors    *prometheus.CounterVec
	formats   map[expfmt.FormatType]*format

	mu       sync.Mutex // protects the fields below
	view     *view
	revision uint64 // the last revision given to a family
}

// format is one format with its last compressed renderings.
type format struct {
	write writeFamily
	turn  chan struct{} // holds an element while a request renders; it takes turns, because the others want the result
	kept  []rendering   // by family.order, for the request whose turn it is
}

func newFormat(write writeFamily) *format {
	return &format{write, make(chan struct{}, 1), make([]rendering, len(families))}
}

// rendering is a compressed family.
type rendering struct {
	revision uint64
	part     *deflated
}

// writeFamily writes a family of the campaigns in one format. It holds a small part of the family in memory at a time.
type writeFamily func(w io.Writer, f *family, campaigns []*campaignSeries) error

// The causes of promhttp_metric_handler_errors_total. This handler and promhttp's share that metric.
const (
	causeGathering = "gathering"
	causeEncoding  = "encoding"
)

// NewHandler returns a handler that serves the campaigns in s and the metrics of registry, as promhttp would. It
// registers the metrics of the handler itself with registry; the error is that this failed. The handler is safe for
// concurrent use. Concurrent scrapes share one rendering, whatever families, format and encoding they ask for, and hold no
// lock that a scan needs.
func NewHandler(
	s *store.Store, clock revoxapi.Clock, registry *prometheus.Registry, logger *slog.Logger,
) (http.Handler, error) {
	x := &handler{
		store: s, clock: clock, logger: logger, others: registry, view: &view{},
		formats: map[expfmt.FormatType]*format{
			expfmt.TypeTextPlain:    newFormat(writeText),
			expfmt.TypeProtoDelim:   newFormat(writeProtobuf),
			expfmt.TypeProtoText:    newFormat(writeProtoText),
			expfmt.TypeProtoCompact: newFormat(writeProtoCompact),
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
	x.update()
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
	var view *view
	var parts []*deflated
	var encodeErr error
	if compress {
		select {
		case format.turn <- struct{}{}:
			view, parts, encodeErr = x.render(format, wanted)
		case <-req.Context().Done():
			return // the client has gone
		}
	} else {
		view = x.current().only(wanted)
	}
	others, err := x.others.Gather()
	if err != nil && len(others) == 0 && len(view.families) == 0 {
		x.report(causeGathering, "error gathering metrics", err)
		http.Error(w, "the metrics cannot be gathered", http.StatusInternalServerError)
		return
	}
	others = slices.DeleteFunc(others, func(f *dto.MetricFamily) bool { return !wanted.has(f.GetName()) })
	if err := errors.Join(append([]error{err}, view.errs...)...); err != nil {
		x.report(causeGathering, "error gathering metrics; all others are served", err)
	}
	if encodeErr != nil {
		x.report(causeEncoding, "error encoding metric families", encodeErr)
	}
	maps.Copy(w.Header(), negotiated.Header())
	if !compress {
		x.sent(x.writeIdentity(w, view, others, contentType, format.write))
		return
	}
	body, err := x.gzipped(view, parts, others, contentType)
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

// render returns the wanted part of the current view and the compressed rendering of each of its families. It renders
// only the families that have changed. It must be the caller's turn, which ends. The error is about families that are
// omitted.
func (x *handler) render(format *format, wanted familyNames) (_ *view, parts []*deflated, err error) {
	defer func() { <-format.turn }()
	v := x.current().only(wanted)
	parts = make([]*deflated, len(v.families))
	for i, f := range v.families {
		r := &format.kept[f.order]
		if r.part == nil || r.revision != f.revision {
			part, deflateErr := deflate(func(w io.Writer) error { return format.write(w, f.family, v.campaigns) })
			if deflateErr != nil {
				err = errors.Join(err, fmt.Errorf("metric %s: %w", f.Name, deflateErr))
				parts[i] = &deflated{}
				continue
			}
			*r = rendering{f.revision, part}
		}
		parts[i] = r.part
	}
	return v, parts, err
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
