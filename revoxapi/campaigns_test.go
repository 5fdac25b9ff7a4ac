package revoxapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestListCampaigns(t *testing.T) {
	server := newServer(t)
	client := newClient(t, server.URL)
	if campaigns, err := client.ListCampaigns(context.Background()); err != nil || campaigns == nil || len(campaigns) != 0 {
		t.Fatalf("%v, %v", campaigns, err)
	}
	id := sim.New(server).AddCampaign(sim.Campaign{Name: "Spring", Rows: 2})
	campaigns, err := client.ListCampaigns(context.Background())
	if err != nil || len(campaigns) != 1 || campaigns[0].ID != id || campaigns[0].Name != "Spring" {
		t.Fatalf("%+v, %v", campaigns, err)
	}
	for _, body := range []string{`null`, `[]`, `{}`, `{"campaigns":null}`, `{"campaigns":[null]}`, `{"campaigns":[]}x`, `{"error":"x"}`, ``} {
		remove := server.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Body("application/json", body)})
		_, err := client.ListCampaigns(context.Background())
		if e := asError(t, err, revoxapi.KindBadResponse); e.Page != -1 || e.CampaignID != "" || !strings.Contains(e.Error(), "list of campaigns") {
			t.Errorf("%+v", e)
		}
		remove()
	}
}

// named is a campaign without its id.
type named struct {
	Name string `json:"name"`
}

func namesOf(t *testing.T, client *revoxapi.Client) (names []string) {
	t.Helper()
	for campaign, err := range revoxapi.Campaigns[named](t.Context(), client) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, campaign.Name)
	}
	return names
}

// The list has no campaign ID that could be wrong.
func TestListThatIsNotFound(t *testing.T) {
	server := newServer(t)
	server.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: status(404)})
	_, err := newClient(t, server.URL).ListCampaigns(context.Background())
	const want = "reading the list of campaigns: the API answered 404 Not Found: check the base URL"
	if e := asError(t, err, revoxapi.KindNotFound); e.Error() != want {
		t.Errorf("%q, want %q", e, want)
	}
}

// A try that breaks off has yielded campaigns already: the next one goes on after them, even if the list has changed.
func TestEachCampaignIsYieldedOnce(t *testing.T) {
	item := func(id string, more string) string { return fmt.Sprintf(`{"id":%q,"name":"of %s"%s}`, id, id, more) }
	// More than the buffers hold, so that a try which breaks off has yielded something.
	filler := fmt.Sprintf(`,"assistant":{"prompt":%q}`, strings.Repeat("x", 100<<10))
	answers := []string{
		`{"campaigns":[` + item("a", "") + "," + item("b", filler) + "," + item("c", filler),
		`{"campaigns":[` + item("new", "") + "," + item("c", filler) + "," + item("b", filler) + "," + item("a", "") + "," + item("d", "") + "]}",
	}
	client := newClient(t, "http://answers.invalid", revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		body := answers[0]
		answers = answers[1:]
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})))
	if got, want := namesOf(t, client), []string{"of a", "of b", "of c", "of new", "of d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	answers = []string{`{"campaigns":[{"id":7,"name":"of 7"},{"name":"without"},{"name":"without"},` + item("a", "") + "," + item("a", "") + "]}"}
	if got, want := namesOf(t, client), []string{"of 7", "without", "without", "of a"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLeavingTheListOfCampaigns(t *testing.T) {
	server := newServer(t)
	for i := range 5 {
		sim.New(server).AddCampaign(sim.Campaign{Name: fmt.Sprint(i), Rows: 1})
	}
	n := 0
	for _, err := range revoxapi.Campaigns[named](t.Context(), newClient(t, server.URL)) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 || server.RequestCount() != 1 {
		t.Errorf("%d campaigns, %d requests", n, server.RequestCount())
	}
}

// The documented list has no pages. A list that says otherwise has more than it sent, and the caller must know.
func TestListSummary(t *testing.T) {
	type summary = revoxapi.ListSummary
	for members, want := range map[string]summary{
		``:                              {Entries: 3},
		`,"total":3`:                    {Entries: 3, Total: 3},
		`,"total":"3"`:                  {Entries: 3, Total: 3},
		`,"total":null,"count":2`:       {Entries: 3, Total: 2},
		`,"total":{},"total_count":[7]`: {Entries: 3},
		`,"total":-1`:                   {Entries: 3},
		`,"total":4`:                    {Entries: 3, Total: 4, More: true},
		`,"total":"4"`:                  {Entries: 3, Total: 4, More: true},
		`,"meta":{"page":1,"total":9}`:  {Entries: 3, Total: 9, More: true},
		`,"total_pages":1`:              {Entries: 3},
		`,"total_pages":2`:              {Entries: 3, More: true},
		`,"has_more":false,"next":null`: {Entries: 3},
		`,"has_more":"false"`:           {Entries: 3},
		`,"has_more":0,"next":""`:       {Entries: 3},
		`,"next":{},"next_page":[]`:     {Entries: 3},
		`,"has_more":true`:              {Entries: 3, More: true},
		`,"has_more":"true"`:            {Entries: 3, More: true},
		`,"has_more":1`:                 {Entries: 3, More: true},
		`,"hasNextPage":true`:           {Entries: 3, More: true},
		`,"next":"/campaigns?page=2"`:   {Entries: 3, More: true},
		`,"next_page":2`:                {Entries: 3, More: true},
		`,"next_cursor":"abc"`:          {Entries: 3, More: true},
		`,"pagination":{"next_page":1}`: {Entries: 3, More: true},
		`,"pagination":[1],"links":"x"`: {Entries: 3},
		`,"_links":{"next":null}`:       {Entries: 3},
	} {
		for _, body := range []string{
			`{"campaigns":[{"id":"a"},{"id":"b"},{"id":"a"}]` + members + `}`,
			`{"x":1` + members + `,"campaigns":[{"id":"a"},{"id":"b"},{"id":"a"}]}`,
		} {
			server := newServer(t)
			server.AddFault(revoxtest.Fault{Behavior: revoxtest.Body("application/json", body)})
			var got summary
			n := 0
			for _, err := range revoxapi.Campaigns[named](t.Context(), newClient(t, server.URL), revoxapi.WithListSummary(&got)) {
				if err != nil {
					t.Fatalf("%s: %v", body, err)
				}
				n++
			}
			if got != want || n != 2 {
				t.Errorf("%s: %+v, want %+v; %d campaigns", body, got, want, n)
			}
		}
	}
}

// An entry that is no campaign must not take the others with it.
func TestStrayEntriesInTheListAreSkipped(t *testing.T) {
	server := newServer(t)
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.Body("application/json",
		`{"campaigns":[null,{"name":"a"},[],"x",{"name":"b"},[{"name":"c"}],7]}`)})
	var list revoxapi.ListSummary
	var names []string
	for c, err := range revoxapi.Campaigns[named](t.Context(), newClient(t, server.URL), revoxapi.WithListSummary(&list)) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Name)
	}
	if want := (revoxapi.ListSummary{Entries: 7, Skipped: 5}); list != want || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("%q, %+v", names, list)
	}
}
