// Package paging reads pages of a campaign's rows by their number, in contrast to revoxapi.Rows, which reads a campaign
// from its first page to its last one without knowing how many there are.
//
// A [LayoutFinder] watches revoxapi.Rows, and finds how the rows lie on pages, if they do so regularly. The [Layout] then
// says which request has which rows, and [Read] reads several pages at once, each with or without a filter by status:
//
//	requests := []paging.Request{layout.Row(17, ""), layout.Page(0, revoxapi.CallCalling)}
//	for page, err := range paging.Read[row](ctx, client, campaignID, requests) {
//		// the first row has the position layout.Position(page.Request)
//	}
package paging
