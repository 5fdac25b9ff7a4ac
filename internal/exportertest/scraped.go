package exportertest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
)

// scraped collects what a handler of /metrics serves. It describes nothing, so the registry checks each metric.
type scraped struct{ metrics http.Handler }

func (s scraped) Describe(chan<- *prometheus.Desc) {}

func (s scraped) Collect(ch chan<- prometheus.Metric) {
	req, resp := httptest.NewRequest(http.MethodGet, "/metrics", nil), httptest.NewRecorder()
	req.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	s.metrics.ServeHTTP(resp, req)
	decoder := expfmt.NewDecoder(resp.Body, expfmt.ResponseFormat(resp.Header()))
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
			return
		}
		if strings.HasPrefix(family.GetName(), "promhttp_") {
			continue // they count this scrape too
		}
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName())
			}
			ch <- scrapedMetric{prometheus.NewDesc(family.GetName(), family.GetHelp(), labels, nil), m}
		}
	}
}

// scrapedMetric is a metric as it was served.
type scrapedMetric struct {
	desc   *prometheus.Desc
	served *dto.Metric
}

func (m scrapedMetric) Desc() *prometheus.Desc { return m.desc }

func (m scrapedMetric) Write(out *dto.Metric) error {
	proto.Merge(out, m.served)
	return nil
}
