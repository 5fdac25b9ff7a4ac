package promql

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// point is a sample.
type point struct {
	at    int64 // Milliseconds.
	value float64
}

// depth returns how long before its evaluation an expression reads the series of each selector.
func depth(expr parser.Expr) map[*parser.VectorSelector]time.Duration {
	depths := map[*parser.VectorSelector]time.Duration{}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		d := selector.OriginalOffset + 5*time.Minute
		for _, parent := range path {
			switch p := parent.(type) {
			case *parser.MatrixSelector:
				d += p.Range
			case *parser.SubqueryExpr:
				d += p.Range + p.OriginalOffset
			}
		}
		depths[selector] = d
		return nil
	})
	return depths
}

// stretch writes a database in dir with those series of another that the expressions read, and repeats their values as
// often as it takes to reach back as far as they read from any time since start. Counters go on rising. Series that
// rules record are computed from them.
func stretch(b *testing.B, from *tsdb.DB, dir string, start, end time.Time, exprs []parser.Expr, rules []rulefmt.Rule) {
	b.Helper()
	texts := map[string]string{} // several rules may record series of one name
	for _, r := range rules {
		text := r.Expr
		for name, value := range r.Labels {
			text = fmt.Sprintf("label_replace(%s, %q, %q, %q, %q)", text, name, value, "", "")
		}
		if before := texts[r.Record]; before != "" {
			text = before + " or " + text
		}
		texts[r.Record] = text
	}
	recorded := map[string]parser.Expr{}
	for name, text := range texts {
		expr, err := promQL.ParseExpr(text)
		if err != nil {
			b.Fatal(err)
		}
		recorded[name] = expr
	}
	querier, err := from.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		b.Fatal(err)
	}
	defer querier.Close()
	oldest := map[string]time.Time{} // what rules record, by name, and what was scraped, by labels
	found := map[string]labels.Labels{}
	reach := func(key string, at time.Time) bool {
		if old, ok := oldest[key]; ok && !at.Before(old) {
			return false
		}
		oldest[key] = at
		return true
	}
	var need func(expr parser.Expr, since time.Time)
	need = func(expr parser.Expr, since time.Time) {
		for selector, d := range depth(expr) {
			if rule := recorded[selector.Name]; rule != nil {
				if reach(selector.Name, since.Add(-d)) {
					need(rule, since.Add(-d))
				}
				continue
			}
			set := querier.Select(b.Context(), false, nil, selector.LabelMatchers...)
			for set.Next() {
				key := set.At().Labels().String()
				found[key] = set.At().Labels()
				reach(key, since.Add(-d))
			}
			if err := set.Err(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, expr := range exprs {
		need(expr, start)
	}
	writeBlock(b, dir, slices.SortedFunc(maps.Values(found), labels.Compare), func(l labels.Labels) []point {
		var once []point
		var matchers []*labels.Matcher
		l.Range(func(l labels.Label) {
			matchers = append(matchers, labels.MustNewMatcher(labels.MatchEqual, l.Name, l.Value))
		})
		set := querier.Select(b.Context(), false, nil, matchers...)
		for set.Next() {
			if labels.Compare(set.At().Labels(), l) != 0 {
				continue
			}
			for it := set.At().Iterator(nil); it.Next() == chunkenc.ValFloat; {
				at, v := it.At()
				if !value.IsStaleNaN(v) && at <= end.UnixMilli() {
					once = append(once, point{at, v})
				}
			}
		}
		return repeat(l, once, oldest[l.String()].UnixMilli(), end.UnixMilli())
	})
	var names []labels.Labels
	results := map[string][]point{}
	db := openHistory(b, dir)
	for name, expr := range recorded {
		since, ok := oldest[name]
		if !ok {
			continue
		}
		const step, days = 15 * time.Minute, 48 * time.Hour // a query of all of the time would hold too many samples
		for at := since.Truncate(step); !at.After(end); at = at.Add(days) {
			q, err := costEngine.NewRangeQuery(b.Context(), db, nil, expr.String(), at, at.Add(min(days-step, end.Sub(at))), step)
			if err != nil {
				b.Fatal(err)
			}
			matrix, err := q.Exec(b.Context()).Matrix()
			if err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			for _, series := range matrix {
				builder := labels.NewBuilder(series.Metric)
				builder.Set(model.MetricNameLabel, name)
				l := builder.Labels()
				if results[l.String()] == nil {
					names = append(names, l)
				}
				for _, p := range series.Floats {
					results[l.String()] = append(results[l.String()], point{p.T, p.F})
				}
			}
			q.Close()
		}
	}
	db.Close()
	if len(names) > 0 {
		slices.SortFunc(names, labels.Compare)
		writeBlock(b, dir, names, func(l labels.Labels) []point { return results[l.String()] })
	}
}

// repeat returns the values between two times, before the first over and over again.
func repeat(l labels.Labels, once []point, from, to int64) []point {
	if len(once) == 0 {
		return nil
	}
	const period = int64(8 * time.Hour / time.Millisecond)
	name := l.Get(model.MetricNameLabel)
	rise := 0.0
	for _, suffix := range []string{"_total", "_bucket", "_count", "_sum"} {
		if strings.HasSuffix(name, suffix) {
			rise = once[len(once)-1].value - once[0].value
		}
	}
	var points []point
	for n := (to - from + period - 1) / period; n >= 0; n-- {
		for _, p := range once {
			at := p.at - n*period
			if at < from || at > to || len(points) > 0 && at <= points[len(points)-1].at {
				continue
			}
			v := p.value - float64(n)*rise
			if strings.HasSuffix(name, "_timestamp_seconds") {
				v = p.value - float64(n*period/1000)
			} else if rise > 0 {
				v += 1000 * rise // so that none is negative
			}
			points = append(points, point{at, v})
		}
	}
	return points
}

// writeBlock writes a block of series, sorted by labels, straight into its files: a head would take minutes.
func writeBlock(b *testing.B, dir string, series []labels.Labels, pointsOf func(labels.Labels) []point) {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	id := ulid.MustNew(ulid.Now(), ulid.DefaultEntropy())
	block := filepath.Join(dir, id.String())
	check(os.MkdirAll(block, 0o755))
	chunkWriter, err := chunks.NewWriter(filepath.Join(block, "chunks"))
	check(err)
	indexWriter, err := index.NewWriter(context.Background(), filepath.Join(block, "index"))
	check(err)
	symbols := map[string]bool{}
	for _, l := range series {
		l.Range(func(l labels.Label) { symbols[l.Name], symbols[l.Value] = true, true })
	}
	for _, symbol := range slices.Sorted(maps.Keys(symbols)) {
		check(indexWriter.AddSymbol(symbol))
	}
	meta := tsdb.BlockMeta{ULID: id, Version: 1, MinTime: math.MaxInt64, MaxTime: math.MinInt64,
		Compaction: tsdb.BlockMetaCompaction{Level: 1, Sources: []ulid.ULID{id}}}
	for i, l := range series {
		var metas []chunks.Meta
		for part := range slices.Chunk(pointsOf(l), 120) {
			chunk := chunkenc.NewXORChunk()
			app, err := chunk.Appender()
			check(err)
			for _, p := range part {
				app.Append(0, p.at, p.value)
			}
			metas = append(metas, chunks.Meta{Chunk: chunk, MinTime: part[0].at, MaxTime: part[len(part)-1].at})
			meta.Stats.NumSamples += uint64(len(part))
		}
		if len(metas) == 0 {
			continue
		}
		check(chunkWriter.WriteChunks(metas...))
		check(indexWriter.AddSeries(storage.SeriesRef(i+1), l, metas...))
		meta.Stats.NumSeries++
		meta.Stats.NumChunks += uint64(len(metas))
		meta.MinTime = min(meta.MinTime, metas[0].MinTime)
		meta.MaxTime = max(meta.MaxTime, metas[len(metas)-1].MaxTime+1)
	}
	check(chunkWriter.Close())
	check(indexWriter.Close())
	text, err := json.Marshal(meta)
	check(err)
	check(os.WriteFile(filepath.Join(block, "meta.json"), text, 0o644))
}
