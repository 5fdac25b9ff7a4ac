// Package apirequest has the settings of revoxapi's calls that only this module may use, besides those that revoxapi
// exports as options. A revoxapi.RequestOption is a function on Options. Packages of this module may write their own:
//
//	low := func(o *apirequest.Options) { o.LowPriority = busy }
//	for row, err := range revoxapi.Rows[row](ctx, client, id, params, low) {
package apirequest

import "time"

// Options are the settings of one call. The zero value changes nothing.
type Options struct {
	// Summary, if not nil, is the *revoxapi.RowsSummary that revoxapi.Rows fills with what was read, however it ends, and
	// ListSummary the *revoxapi.ListSummary that revoxapi.Campaigns fills. Set them with options of revoxapi.
	Summary, ListSummary any

	// OnPage, if not nil, is called for each page that revoxapi.Rows has read whole, after the page's rows were yielded
	// and in the same goroutine.
	OnPage func(Page)

	// LowPriority, if not nil, is called before each request. While it returns true, requests leave one of the client's
	// requests in flight free, so that requests of normal priority need not wait for the answers to these. It has no
	// effect if the client may have only one request in flight. It must be safe for concurrent use.
	LowPriority func() bool

	// OnRequest, if not nil, is called once for each request of revoxapi.Rows and revoxapi.Page that was sent, retries
	// included, with the bytes of its answer on the wire and its Date by the server's clock; zero if it has none. It must be
	// safe for concurrent use.
	OnRequest func(bytes int64, date time.Time)

	// MaxPageBytes, if not 0, limits the size of the rows that revoxapi.Page keeps. A page with more is Overfull.
	MaxPageBytes int
}

// Page describes one page that revoxapi.Rows has read.
type Page struct {
	// Pass counts the times that the campaign is read from its first page on, starting at 1.
	Pass int
	// Asked and AskedSize are the `page` and the `page_size` of the request.
	Asked, AskedSize int
	// Page, PageSize and Total are those of the answer, nil if it does not give them.
	Page, PageSize, Total *int64
	// Rows is the number of rows on the page.
	Rows int
	// Fresh is the number of these rows that were not seen before in this pass.
	Fresh int
}
