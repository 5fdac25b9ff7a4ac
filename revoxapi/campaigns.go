package revoxapi

import (
	"context"
	"io"
	"iter"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json"
)

// ListCampaigns returns all campaigns of the organization, active and completed. The error is an [*Error].
func (c *Client) ListCampaigns(ctx context.Context, opts ...RequestOption) ([]Campaign, error) {
	list := []Campaign{}
	for campaign, err := range Campaigns[Campaign](ctx, c, opts...) {
		if err != nil {
			return nil, err
		}
		list = append(list, campaign)
	}
	return list, nil
}

// Campaigns reads the list of the organization's campaigns as a stream and yields each campaign once, by its id, in the
// order of the list. It is for lists in which few campaigns are wanted: besides what the caller keeps, it keeps 16 bytes
// a campaign. [Client.ListCampaigns] returns the whole list.
//
// R is any struct that the JSON of a campaign decodes into (see [Campaign]). Fields that R does not have are skipped
// without being decoded; the embedded assistant is most of a campaign's bytes.
//
// What was yielded is provisional until the loop ends without an error. After a failure one more pair is yielded, the
// zero R and an error that [errors.As] finds to be an [*Error], and the loop ends. If the answer breaks off and the
// request is sent again, a campaign without an id that is a string comes again as well.
//
// Entries that are not objects are skipped; [WithListSummary] counts them, and reports what the list says about its own
// length. If no entry is an object, or there are more than 1,000,000, the reading fails with an error of
// [KindBadResponse].
//
// The request is under way until the loop ends: the time that the loop body takes counts towards [WithTimeout]. Collect
// the IDs first and read rows after the loop.
func Campaigns[R any](ctx context.Context, c *Client, opts ...RequestOption) iter.Seq2[R, error] {
	o := requestOptions(opts)
	r := request{endpoint: EndpointCampaigns, path: []string{"campaigns"}, page: -1, lowPriority: o.LowPriority}
	return func(yield func(R, error) bool) {
		var seen keySet
		var list listReading
		err := c.get(ctx, r, func(body io.Reader, limit *sizeLimit) error {
			list = listReading{}
			e := envelope{
				list:   "campaigns",
				wanted: wantedBy[R]().with("id"),
				begin: func() {
					list.entries++
					limit.next()
				},
				stray: func() { list.skipped++ },
				item: func(value wantedPart) error {
					if list.entries > maxCampaigns {
						return badResponse("the list has more than %d campaigns, and no more are read", maxCampaigns)
					}
					var campaign R
					if err := json.Unmarshal(value.json, &campaign, decodeOptions); err != nil {
						return err
					}
					var identity struct {
						ID string `json:"id"`
					}
					if err := json.Unmarshal(value.json, &identity, decodeOptions); err == nil && identity.ID != "" {
						if _, isNew := seen.add(xxhash.Sum64String(identity.ID), 0); !isNew {
							return nil
						}
					}
					if !yield(campaign, nil) {
						return errStopped
					}
					return nil
				},
				others: listMembers,
				other:  list.member,
			}
			if err := e.read(body); err != nil {
				return err
			}
			if list.entries > 0 && list.skipped == list.entries {
				return badResponse("none of the answer's campaigns is an object")
			}
			return nil
		})
		if s, ok := o.ListSummary.(*ListSummary); ok {
			*s = list.summary()
		}
		if err != nil && err != errStopped {
			var none R
			yield(none, err)
		}
	}
}

// with returns w with the whole of another member.
func (w *wanted) with(name string) *wanted {
	if w.members == nil || w.member([]byte(name)) >= 0 {
		return w
	}
	return &wanted{members: append(slices.Clip(w.members), wantedMember{name, -1, &wanted{id: name == "id"}})}
}
