package revoxapi

import (
	"context"
	"io"

	"github.com/go-json-experiment/json"
)

// ListCampaigns returns all campaigns of the organization, active and completed.
func (c *Client) ListCampaigns(ctx context.Context) ([]Campaign, error) {
	return AllCampaigns[Campaign](ctx, c)
}

// AllCampaigns returns all campaigns of the organization, as R: any struct that the JSON of a campaign decodes into (see
// [Campaign]). Fields that R does not have are skipped unread; an embedded assistant is most of a campaign's bytes.
func AllCampaigns[R any](ctx context.Context, c *Client) ([]R, error) {
	var campaigns []R
	_, err := c.get(ctx, request{endpoint: EndpointCampaigns, path: []string{"campaigns"}, page: -1}, func(body io.Reader, limit *sizeLimit) error {
		campaigns = []R{}
		e := envelope{
			list:   "campaigns",
			wanted: wantedBy[R](),
			begin:  limit.next,
			item: func(value []byte) error {
				var campaign R
				if err := json.Unmarshal(value, &campaign, decodeOptions); err != nil {
					return err
				}
				campaigns = append(campaigns, campaign)
				return nil
			},
		}
		return e.read(body)
	})
	if err != nil {
		return nil, err
	}
	return campaigns, nil
}
