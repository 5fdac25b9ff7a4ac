package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

const scrapeInterval = time.Minute

var noLabels = labels.EmptyLabels()

// target is a scrape target as Prometheus keeps it: its series, and which of them the last scrape had.
type target struct {
	instance string
	series   map[string]*targetSeries // by series as the exposition writes it
	own      map[string]*targetSeries // up and others that Prometheus adds
	scrapes  int
	bytes    int
}

type targetSeries struct {
	labels labels.Labels
	ref    storage.SeriesRef
	seen   int // the scrape that had it last
}

func newTarget(instance string) *target {
	return &target{instance: instance, series: map[string]*targetSeries{}, own: map[string]*targetSeries{}}
}

// append stores a scrape at a time; a nil p is a target that does not answer. Series that the scrape before had and this
// one lacks are marked stale.
func (t *target) append(ctx context.Context, to storage.AppendableV2, p *process, at time.Time) (err error) {
	app := to.AppenderV2(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("storing a scrape of %s: %w", t.instance, err), app.Rollback())
			return
		}
		err = app.Commit()
	}()
	t.scrapes++
	ms := at.UnixMilli()
	samples, up := 0, 0.0
	if p != nil {
		body, contentType, err := p.scrape(ctx)
		if err != nil {
			return err
		}
		if samples, err = t.appendText(app, body, contentType, ms); err != nil {
			return err
		}
		up = 1
	}
	if err := t.markVanished(app, ms); err != nil {
		return err
	}
	return errors.Join(
		t.appendOwn(app, "up", ms, up),
		t.appendOwn(app, "scrape_samples_scraped", ms, float64(samples)),
	)
}

func (t *target) appendText(app storage.AppenderV2, body []byte, contentType string, ms int64) (samples int, err error) {
	t.bytes = len(body)
	parser, err := textparse.New(body, contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return 0, err
	}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return samples, nil
		}
		if err != nil {
			return samples, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		text, _, v := parser.Series()
		s := t.series[string(text)]
		if s == nil {
			s = &targetSeries{}
			var scraped labels.Labels
			parser.Labels(&scraped)
			s.labels = t.labelled(scraped)
			t.series[string(text)] = s
		}
		s.seen = t.scrapes
		if s.ref, err = app.Append(s.ref, s.labels, 0, ms, v, nil, nil, storage.AOptions{}); err != nil {
			return samples, fmt.Errorf("%s: %w", s.labels, err)
		}
		samples++
	}
}

// markVanished marks the series stale that this scrape lacks, and forgets them.
func (t *target) markVanished(app storage.AppenderV2, ms int64) error {
	for text, s := range t.series {
		if s.seen == t.scrapes {
			continue
		}
		if _, err := app.Append(s.ref, s.labels, 0, ms, staleNaN, nil, nil, storage.AOptions{}); err != nil {
			return err
		}
		delete(t.series, text)
	}
	return nil
}

var staleNaN = math.Float64frombits(value.StaleNaN)

// remove ends the target, as if it were removed from the configuration.
func (t *target) remove(ctx context.Context, to storage.AppendableV2, at time.Time) error {
	app := to.AppenderV2(ctx)
	t.scrapes++
	err := t.markVanished(app, at.UnixMilli())
	for name := range t.own {
		err = errors.Join(err, t.appendOwn(app, name, at.UnixMilli(), staleNaN))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("removing %s: %w", t.instance, err), app.Rollback())
	}
	return app.Commit()
}

func (t *target) appendOwn(app storage.AppenderV2, name string, ms int64, v float64) (err error) {
	s := t.own[name]
	if s == nil {
		s = &targetSeries{labels: t.labelled(labels.FromStrings(model.MetricNameLabel, name))}
		t.own[name] = s
	}
	s.ref, err = app.Append(s.ref, s.labels, 0, ms, v, nil, nil, storage.AOptions{})
	return err
}

// labelled returns labels with those of the target.
func (t *target) labelled(scraped labels.Labels) labels.Labels {
	b := labels.NewBuilder(scraped)
	b.Set("job", "revox")
	b.Set("instance", t.instance)
	return b.Labels()
}
