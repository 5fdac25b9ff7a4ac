// Package apirequest holds what this module alone can ask of a call of revoxapi, beside the options that revoxapi exports.
//
// A revoxapi.RequestOption is a function on Options. Packages of this module may write their own:
//
//	low := func(o *apirequest.Options) { o.LowPriority = busy }
//	for row, err := range revoxapi.Rows[row](ctx, client, id, params, low) {
package apirequest

// Options are the settings of one call. The zero value changes nothing.
type Options struct {
	// Summary, if not nil, is called once when revoxapi.Rows ends, however it ends, with what was read.
	Summary func(Summary)

	// OnPage, if not nil, is called for each page that revoxapi.Rows has read whole, after the page's rows were yielded
	// and in the same goroutine.
	OnPage func(Page)

	// LowPriority, if not nil, is asked before each request. While it returns true, requests wait until they can have
	// one of all the client's requests in flight but one, so that requests of normal priority need not wait for the
	// answers to these. It has no effect on a client that may have only one request in flight. It must be safe for
	// concurrent use.
	LowPriority func() bool

	// ETag, if not empty, makes revoxapi.Page send If-None-Match: the server answers with the page only if it has
	// changed since it gave that ETag. What is not an ETag, or is longer than 256 bytes, is not sent.
	ETag string

	// Answer, if not nil, is filled when revoxapi.Page returns without an error.
	Answer *Answer
}

// Summary is what revoxapi.Rows read. See revoxapi.RowsSummary, which has the same fields.
type Summary struct {
	Rows       int
	Pages      int
	Duplicates int
	Missing    int
}

// Page describes one page that revoxapi.Rows has read.
type Page struct {
	// Pass is how many times the campaign has been read from its first page on, this time included: 1 at first.
	Pass int
	// Asked and AskedSize are the `page` and the `page_size` of the request.
	Asked, AskedSize int
	// Page, PageSize and Total are those of the answer, nil where it does not give them.
	Page, PageSize, Total *int64
	// Rows is how many rows the page has.
	Rows int
	// Fresh is how many of Rows were not seen before in this pass.
	Fresh int
}

// Answer is what the header of an answer says of the page.
type Answer struct {
	// ETag is the server's name for this state of the page, "" where it gives none that can be sent back.
	ETag string
	// NotModified reports that the page has not changed since Options.ETag was given. Its rows were not sent.
	NotModified bool
}
