package collector

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

var (
	requestsOpts = prometheus.CounterOpts{Name: "revox_api_requests_total",
		Help: "Requests sent to the API, including retries, by the status code of the answer; error if there was none, other if it is none of HTTP's (100 to 599)."}
	requestDurationOpts = prometheus.HistogramOpts{Name: "revox_api_request_duration_seconds",
		Help:                           "Seconds from sending a request to the last byte of its answer.",
		Buckets:                        []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 160}
	responseBytesOpts = prometheus.CounterOpts{Name: "revox_api_response_bytes_total",
		Help: "Bytes of the API's answers on the wire, compressed, without headers."}
	retriesOpts = prometheus.CounterOpts{Name: "revox_api_retries_total",
		Help: "Requests sent again, by the reason why the previous attempt failed."}

	endpointLabel = "endpoint"
	// knownCodes are the codes that each endpoint shows from the start.
	knownCodes = []string{
		"200", "400", "401", "403", "404", "408", "409", "422", "429", "500", "502", "503", "504", codeError,
	}
	// retryReasons are the kinds of errors that the client retries.
	retryReasons = []revoxapi.ErrorKind{revoxapi.KindRateLimited, revoxapi.KindServerError, revoxapi.KindTimeout,
		revoxapi.KindConnection, revoxapi.KindBadResponse}
)

// Codes that are not those of an answer.
const (
	codeError = "error"
	codeOther = "other"
)

// APIMetrics collects metrics of a revoxapi.Client. It is safe for concurrent use. Make one with NewAPIMetrics.
type APIMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	retries  *prometheus.CounterVec
}

// NewAPIMetrics returns metrics for the given endpoints. Counters start at 0, so that the first failure is an increase.
func NewAPIMetrics(endpoints ...revoxapi.Endpoint) *APIMetrics {
	m := &APIMetrics{
		requests: prometheus.NewCounterVec(requestsOpts, []string{endpointLabel, "code"}),
		duration: prometheus.NewHistogramVec(requestDurationOpts, []string{endpointLabel}),
		bytes:    prometheus.NewCounterVec(responseBytesOpts, []string{endpointLabel}),
		retries:  prometheus.NewCounterVec(retriesOpts, []string{"reason"}),
	}
	for _, endpoint := range endpoints {
		for _, code := range knownCodes {
			m.requests.WithLabelValues(string(endpoint), code)
		}
		m.duration.WithLabelValues(string(endpoint))
		m.bytes.WithLabelValues(string(endpoint))
	}
	for _, reason := range retryReasons {
		m.retries.WithLabelValues(string(reason))
	}
	return m
}

// Trace returns the trace that feeds m. Pass it to the client with revoxapi.WithTrace.
func (m *APIMetrics) Trace() revoxapi.Trace {
	return revoxapi.Trace{
		Request: func(r revoxapi.RequestTrace) {
			code := codeOther
			if r.StatusCode == 0 {
				code = codeError
			} else if 100 <= r.StatusCode && r.StatusCode < 600 {
				code = strconv.Itoa(r.StatusCode)
			}
			endpoint := string(r.Endpoint)
			m.requests.WithLabelValues(endpoint, code).Inc()
			m.duration.WithLabelValues(endpoint).Observe(r.Duration.Seconds())
			m.bytes.WithLabelValues(endpoint).Add(float64(r.BodyBytes))
		},
		Retry: func(r revoxapi.RetryTrace) {
			m.retries.WithLabelValues(string(r.Reason)).Inc()
		},
	}
}

// Describe implements prometheus.Collector.
func (m *APIMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *APIMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
}

func (m *APIMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, withoutCreated{m.duration}, m.bytes, m.retries}
}

// withoutCreated is a collector of histograms without their created timestamps, as in all other histograms.
type withoutCreated struct{ prometheus.Collector }

func (c withoutCreated) Collect(ch chan<- prometheus.Metric) {
	metrics := make(chan prometheus.Metric)
	go func() {
		defer close(metrics)
		c.Collector.Collect(metrics)
	}()
	for metric := range metrics {
		ch <- metricWithoutCreated{metric}
	}
}

type metricWithoutCreated struct{ prometheus.Metric }

func (m metricWithoutCreated) Write(out *dto.Metric) error {
	err := m.Metric.Write(out)
	if out.Histogram != nil {
		out.Histogram.CreatedTimestamp = nil
	}
	return err
}
