package revoxapi

import (
	"context"

	"github.com/cespare/xxhash/v2"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/internal/readahead"
)

// AllRows calls each for each row.
//
// Deprecated: use [Rows].
func AllRows[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, each func(R) error) (RowsSummary, error) {
	return AllPages(ctx, c, campaignID, params, func(_ int, row R) error { return each(row) })
}

// AllPages calls each for each row, with the number of the page that it was found on.
//
// Deprecated: use [Rows].
func AllPages[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, each func(page int, row R) error) (RowsSummary, error) {
	var own error
	var layout layoutFinder
	o := apirequest.Options{OnPage: layout.saw}
	w := newWalk(c, campaignID, params, o, func(page int, row R) bool {
		own = each(page, row)
		return own == nil
	})
	err := w.run(ctx)
	if err == errStopped {
		err = own
	}
	var summary RowsSummary
	s := w.summary()
	summary = RowsSummary{Rows: s.Rows, Pages: s.Pages, Duplicates: s.Duplicates, Missing: s.Missing}
	if err == nil {
		summary.Layout = layout.found(summary.Rows)
	}
	return summary, err
}

// PageRequest names a page to read.
//
// Deprecated: moved.
type PageRequest struct {
	Number int
	ETag   string
}

// PageResult is one page, whole.
//
// Deprecated: moved.
type PageResult[R any] struct {
	Number                int
	Page, PageSize, Total *Int
	ETag                  string
	NotModified           bool
	Rows                  []R
	Overfull              bool
}

// ReadPages reads the given pages.
//
// Deprecated: moved.
func ReadPages[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, pages []PageRequest, each func(PageResult[R]) error) error {
	ahead := readahead.New(ctx, c.maxInFlight, len(pages), func(ctx context.Context, i int) (PageResult[R], error) {
		var a apirequest.Answer
		params := params
		params.Page = pages[i].Number
		p, err := Page[R](ctx, c, campaignID, params, func(o *apirequest.Options) { o.ETag, o.Answer = pages[i].ETag, &a })
		if err != nil {
			return PageResult[R]{}, err
		}
		return PageResult[R]{params.Page, p.Page, p.PageSize, p.Total, a.ETag, a.NotModified, p.Rows, p.Overfull}, nil
	})
	defer ahead.Stop()
	for {
		result, ok, err := ahead.Next()
		if !ok {
			return nil
		}
		if err == nil {
			err = each(result)
		}
		if err != nil {
			return err
		}
	}
}

// leavingRoom is the key of what LeavingRoom puts into a context.
type leavingRoom struct{}

// LeavingRoom returns a context whose requests have low priority while leave returns true.
//
// Deprecated: use a request option.
func LeavingRoom(ctx context.Context, leave func() bool) context.Context {
	return context.WithValue(ctx, leavingRoom{}, leave)
}

// RowKey stands for a row's id.
//
// Deprecated: moved.
func RowKey(id string) uint64 { return xxhash.Sum64String(id) }

// GetRows returns one page of a campaign's rows, which may have no ids.
//
// Deprecated: use [Page].
func (c *Client) GetRows(ctx context.Context, campaignID string, params RowsParams) (*RowsPage[Row], error) {
	var rows []Row
	info, err := readRows(ctx, c, campaignID, params, apirequest.Options{}, func() { rows = []Row{} }, func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &RowsPage[Row]{Page: info.Page, PageSize: info.PageSize, Rows: rows, Total: info.Total}, nil
}

// AllCampaigns returns all campaigns of the organization.
//
// Deprecated: use [Campaigns].
func AllCampaigns[R any](ctx context.Context, c *Client) ([]R, error) {
	all := []R{}
	for campaign, err := range Campaigns[R](ctx, c) {
		if err != nil {
			return nil, err
		}
		all = append(all, campaign)
	}
	return all, nil
}

// PageLayout says how the rows of a campaign lie on its pages.
//
// Deprecated: moved.
type PageLayout struct {
	FirstPage, PageSize, Total int
}

// layoutFinder watches the pages go by, and finds how rows lie on them.
type layoutFinder struct {
	layout PageLayout
	pages  int
	rows   int
	full   bool
	over   bool
	broken bool
}

func (f *layoutFinder) saw(p apirequest.Page) {
	if f.broken = f.broken || p.Pass > 1; f.broken {
		return
	}
	if p.Fresh == 0 {
		if f.pages == 1 && !f.over && f.layout.FirstPage == 0 && p.Asked == 1 && p.Rows == f.rows {
			f.layout.FirstPage = 1
			return
		}
		f.over = f.pages > 0
		return
	}
	size := p.AskedSize
	switch {
	case p.PageSize != nil:
		size = int(*p.PageSize)
	case f.pages > 0:
		size = f.layout.PageSize
	case p.Total != nil && p.Rows < int(*p.Total):
		size = p.Rows
	}
	if f.pages == 0 && p.Total != nil {
		f.layout = PageLayout{FirstPage: p.Asked, PageSize: size, Total: int(*p.Total)}
	}
	f.broken = p.Fresh != p.Rows || p.Rows > size || size != f.layout.PageSize || p.Asked != f.layout.FirstPage+f.pages ||
		p.Total == nil || int(*p.Total) != f.layout.Total || p.Page != nil && int(*p.Page) != p.Asked ||
		f.over || f.pages > 0 && !f.full
	f.pages++
	f.rows += p.Rows
	f.full = p.Rows == size
}

func (f *layoutFinder) found(rows int) *PageLayout {
	if f.broken || f.pages == 0 || f.rows != f.layout.Total || rows != f.layout.Total {
		return nil
	}
	layout := f.layout
	return &layout
}

// Deprecated: use [Values].
func CallStatuses() []CallStatus                    { return Values[CallStatus]() }
func AttemptStatuses() []AttemptStatus              { return Values[AttemptStatus]() }
func AttemptResults() []AttemptResult               { return Values[AttemptResult]() }
func DialErrors() []DialError                       { return Values[DialError]() }
func EndedBys() []EndedBy                           { return Values[EndedBy]() }
func EndReasons() []EndReason                       { return Values[EndReason]() }
func CallDirections() []CallDirection               { return Values[CallDirection]() }
func CallOutcomes() []CallOutcome                   { return Values[CallOutcome]() }
func CampaignStatuses() []CampaignStatus            { return Values[CampaignStatus]() }
func TranscriptRoles() []TranscriptRole             { return Values[TranscriptRole]() }
func FirstSentenceModes() []FirstSentenceMode       { return Values[FirstSentenceMode]() }
func LlmModelTypes() []LlmModelType                 { return Values[LlmModelType]() }
func LlmModelNames() []LlmModelName                 { return Values[LlmModelName]() }
func VoiceProviders() []VoiceProvider               { return Values[VoiceProvider]() }
func StructuredOutputTypes() []StructuredOutputType { return Values[StructuredOutputType]() }
func FaqSources() []FaqSource                       { return Values[FaqSource]() }
func BackgroundSounds() []BackgroundSound           { return Values[BackgroundSound]() }
func Weekdays() []Weekday                           { return Values[Weekday]() }
