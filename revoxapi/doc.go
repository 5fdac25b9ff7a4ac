// Package revoxapi is a client for the Revox API, which runs outbound campaigns of calls made by AI agents.
//
//	client, err := revoxapi.NewClient(revoxapi.StaticKey(os.Getenv("REVOX_API_KEY")))
//	if err != nil {
//		return err
//	}
//	for row, err := range client.Rows(ctx, campaignID, revoxapi.RowsParams{}) {
//		if err != nil {
//			return err
//		}
//		if row.Call == nil {
//			fmt.Println(row.RowIndex, "has no call yet")
//			continue
//		}
//		fmt.Println(row.RowIndex, row.Call.Status)
//	}
//
// [Client.ListCampaigns] returns the campaigns, [Client.Rows] reads all rows of one, and [Client.Page] reads one page of
// them. The functions [Campaigns], [Rows] and [Page] decode into a type of the caller's choosing. With a struct of a few
// fields, prompts and transcripts, which are nearly all of an answer, are skipped without being decoded.
//
// The error of every request is an [*Error]. Its kind says what went wrong; its text holds neither the key nor anything of
// an answer's body. Requests that fail for a reason that may pass are sent again ([WithMaxRetries]), after the wait that
// the server asks for.
//
// Every documented field of the API has a Go field that is named after it; undocumented fields are ignored. Where the
// documentation leaves something open (the number of the first page, whether the answer has pages at all), the client
// works either way.
//
// Much of what the API returns is personal data. The comments name the fields.
package revoxapi
