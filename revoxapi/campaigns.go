package revoxapi

import (
	"context"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ListCampaigns returns all campaigns of the organization, active and completed.
func (c *Client) ListCampaigns(ctx context.Context) ([]Campaign, error) {
	return AllCampaigns[Campaign](ctx, c)
}

// AllCampaigns returns all campaigns of the organization, as R: any struct that the JSON of a campaign decodes into (see
// [Campaign]). Fields that R does not have are skipped unread; an embedded assistant is most of a campaign's bytes.
func AllCampaigns[R any](ctx context.Context, c *Client) ([]R, error) {
	var campaigns []R
	err := c.get(ctx, request{endpoint: EndpointCampaigns, path: []string{"campaigns"}, page: -1}, func(body io.Reader, limit *sizeLimit) error {
		campaigns = []R{}
		return readEnvelope(body, "campaigns", func(d *jsontext.Decoder) error {
			limit.next()
			if kind := d.PeekKind(); kind != jsontext.KindBeginObject {
				return wrongKind(d, "each of the answer's campaigns should be an object, not %s")
			}
			var campaign R
			if err := json.UnmarshalDecode(d, &campaign); err != nil {
				return err
			}
			campaigns = append(campaigns, campaign)
			return nil
		}, func(_ string, d *jsontext.Decoder) error { return d.SkipValue() })
	})
	if err != nil {
		return nil, err
	}
	return campaigns, nil
}
