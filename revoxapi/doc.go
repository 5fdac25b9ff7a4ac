// Package revoxapi is a client for the Revox API, which runs outbound campaigns of calls made by AI agents.
//
//	client, err := revoxapi.NewClient(revoxapi.StaticKey(os.Getenv("REVOX_API_KEY")))
//	...
//	summary, err := revoxapi.AllRows(ctx, client, campaignID, revoxapi.RowsParams{}, func(row revoxapi.Row) error {
//		fmt.Println(row.RowIndex, row.Call.Status)
//		return nil
//	})
//
// [Client.GetRows] reads one page of a campaign's rows, [AllRows] every page, [Client.ListCampaigns] the campaigns.
// AllRows and [AllCampaigns] decode into a type of the caller's choosing: one with the few fields that are wanted
// leaves prompts and transcripts, which are nearly all of an answer, unread.
//
// Every failure is an [*Error], whose kind says what went wrong and whose text holds neither the key nor anything of
// a response's body. What was documented of the API is typed under its documented names; where the documentation is
// silent (the number of the first page, whether the answer is paged at all), the client is right either way.
package revoxapi
