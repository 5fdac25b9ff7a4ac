// Package check reads each selected campaign once and reports, as a table or as JSON, what it found, what is odd, and
// what to do if something cannot be read. It publishes nothing. The client must be made so that a Watch sees its requests:
//
//	watch := check.NewWatch(baseURL, nil)
//	client, err := revoxapi.NewClient(key, watch.ClientOptions()...)
//	exporter, err := collector.New(collector.Config{Client: client, ...})
//	ok, err := check.Run(ctx, exporter, watch, check.Options{Format: "table", Out: os.Stdout, Progress: os.Stderr})
package check

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/internal/quantity"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// human is the result of attempts that reached a human.
const human = string(revoxapi.ResultHuman)

// Options are how a check is shown.
type Options struct {
	Format   string    // "table" or "json"
	Out      io.Writer // what was found
	Progress io.Writer // how far it is
	Version  string    // of the program
	// Columns is the width of the terminal that Out is, and Colour whether it may be coloured. If it is none, Columns is 0:
	// the table fits 80 columns, and texts are not wrapped.
	Columns int
	Colour  bool
	// ProgressColumns returns the width of the terminal that Progress is, at this moment; nil if lines cannot be redrawn.
	ProgressColumns func() int
	// StatePath is the folder of the state; "" for none. TryState returns an error if a state cannot be kept there. It may
	// take as long as the disk does.
	StatePath string
	TryState  func() error
	// Interval is the exporter's --scan.interval, and FullInterval its --scan.full-interval.
	Interval, FullInterval time.Duration
}

// Run reads each campaign that the exporter's configuration selects once, through a client that w watches, and shows
// what it found. It returns true if everything could be read. If ctx ends, it soon shows what it has. Its error is that
// of writing to Out.
func Run(ctx context.Context, e *collector.Exporter, w *Watch, o Options) (ok bool, err error) {
	p := newProgress(o.Progress, o.ProgressColumns, w.clock)
	w.progress = p
	state := o.tryState()
	stop := p.run()
	r := w.read(ctx, e, p, o.Version)
	stop()
	p.clear()
	r.State = state()
	if o.Interval > 0 {
		r.Hourly = w.hourly(r, o)
	}
	if o.Format == "json" {
		return r.OK, writeJSON(o.Out, r)
	}
	return r.OK, writeTable(o.Out, r, o)
}

func (w *Watch) read(ctx context.Context, e *collector.Exporter, p *progress, version string) *Result {
	r := &Result{Format: resultFormat, Version: version, StartedAt: w.clock.Now().UTC(), Campaigns: []Campaign{}}
	// The list explains why a campaign is not found. It is read once at most.
	explaining := sync.OnceValue(func() listed { return list(ctx, e) })
	if e.Config().Discovery != nil {
		p.list()
	}
	var a answer
	selection, err := e.Select(noting(ctx, &a))
	if e.Config().Discovery != nil {
		r.Discovery = &Discovery{Listed: selection.Listed}
		if err != nil {
			r.Discovery.Problem = w.problem(err, &a, e.Config().Rows.Page, explaining)
		}
	}
	p.begin(len(selection.Campaigns))
	r.Campaigns = w.readAll(ctx, e, p, selection.Campaigns, explaining)

	r.Findings = w.findings()
	if len(r.Campaigns) == 0 && err == nil {
		text := "No campaign is selected: the campaign file has none, or this shard has none of them. Entries with match select " +
			"none of themselves: that takes --campaign.discover."
		if r.Discovery != nil {
			text = fmt.Sprintf("None of the campaigns that the API lists (%d) is selected: check --campaign.include, "+
				"--campaign.exclude, --campaign.status and --campaign.completed-for.", selection.Listed)
		}
		r.Findings = append(r.Findings, Finding{kindNoCampaigns, text})
	}
	r.OK = err == nil
	for _, c := range r.Campaigns {
		r.OK = r.OK && c.OK
	}
	if r.OK && len(r.Campaigns) > 0 && e.Config().Shard.Count <= 1 {
		r.Findings = append(r.Findings, unusedMatches(e, r.Campaigns)...)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r.Requests, r.ResponseBytes = w.requests, w.bytes
	r.DurationSeconds = w.clock.Now().Sub(r.StartedAt).Seconds()
	return r
}

// unusedMatches returns a finding for each match of the campaign file that gives labels to no campaign.
func unusedMatches(e *collector.Exporter, campaigns []Campaign) (findings []Finding) {
	names := map[string]string{}
	for i := range campaigns {
		names[campaigns[i].ID] = campaigns[i].Name
	}
	for _, entry := range e.UnusedMatches(names) {
		findings = append(findings, Finding{kindUnusedMatch, fmt.Sprintf("The match of entry %d in the campaign file gives labels "+
			"to no campaign: none of these names matches, or an entry before it gives theirs.", entry)})
	}
	return findings
}

// readAll reads campaigns, as many at once as the exporter would, and returns the results in the same order.
func (w *Watch) readAll(ctx context.Context, e *collector.Exporter, p *progress, campaigns []campaigns.Campaign,
	list func() listed) []Campaign {
	results := make([]Campaign, len(campaigns))
	next := make(chan int)
	var readers sync.WaitGroup
	refused := &refusal{}
	for range min(e.Config().MaxScans, len(campaigns)) {
		readers.Go(func() {
			for i := range next {
				c := w.readOne(ctx, e, campaigns[i], refused, list)
				c.Labels = e.Labels(c.ID, c.Name)
				results[i] = c
				p.end(results[i])
			}
		})
	}
	for i := range campaigns {
		next <- i
	}
	close(next)
	readers.Wait()
	return results
}

// refusal remembers that the API refused the key itself. No further campaign is requested then: it would look like an
// attack.
type refusal struct {
	mu      sync.Mutex
	read    bool // a campaign could be read
	problem *Problem
}

func (r *refusal) note(p *Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p == nil {
		r.read = true
	} else if p.StatusCode == 401 && !r.read {
		r.problem = p
	}
}

func (r *refusal) holds() *Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.problem == nil || r.read {
		return nil
	}
	return &Problem{Reason: r.problem.Reason, StatusCode: r.problem.StatusCode,
		Text: "not requested, because the API has just refused the API key", Advice: r.problem.Advice}
}

func (w *Watch) readOne(ctx context.Context, e *collector.Exporter, campaign campaigns.Campaign, refused *refusal,
	list func() listed) Campaign {
	c := Campaign{ID: campaign.ID, Name: campaign.Name, UnknownValues: []labelvalue.Unknown{}, Findings: []Finding{}}
	if c.Problem = refused.holds(); c.Problem != nil {
		return c
	}
	timed, cancel := ctx, context.CancelFunc(func() {})
	if e.Config().ScanTimeout > 0 {
		timed, cancel = context.WithTimeout(ctx, e.Config().ScanTimeout)
	}
	defer cancel()
	var a answer
	start := w.clock.Now()
	report, err := e.ScanOnce(noting(timed, &a), c.ID)
	c.DurationSeconds = w.clock.Now().Sub(start).Seconds()
	seen := w.pagesOf(c.ID)
	c.Requests, c.ResponseBytes = seen.requests, seen.bytes
	if err != nil {
		c.Problem = w.problem(err, &a, e.Config().Rows.Page, list)
		refused.note(c.Problem)
		return c
	}
	refused.note(nil)
	c.fill(report)
	c.Findings = campaignFindings(&c, seen, e.Config().Rows.Page)
	if before := w.rowsBefore(timed, e, &c, seen); before > 0 {
		c.Findings = append(c.Findings, Finding{kindFirstPage, fmt.Sprintf(
			"--revox.first-page=%d skips %s: leave it out.", e.Config().Rows.Page, quantity.Counted(before, "row", "rows"))})
	}
	return c
}

// rowsBefore returns how many rows --revox.first-page skips. If the API gives a total, the scan has found them itself;
// otherwise the campaign is read once more, from page 0 on.
func (w *Watch) rowsBefore(ctx context.Context, e *collector.Exporter, c *Campaign, seen paging) int {
	if e.Config().Rows.Page == 0 || seen.total >= 0 {
		return 0
	}
	params := e.Config().Rows
	params.Page = 0
	rows := 0
	for _, err := range revoxapi.Rows[identity](ctx, e.Config().Client, c.ID, params) {
		if err != nil {
			return 0 // nothing shows that rows are missing
		}
		rows++
	}
	return max(0, rows-int(c.Rows))
}

// identity has the only field of a row that counting rows needs.
type identity struct {
	ID string `json:"id"`
}

// RowID returns the row's id.
func (r identity) RowID() string { return r.ID }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
