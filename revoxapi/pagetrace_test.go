package revoxapi_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestTraceReportsEachPageThatWasRead(t *testing.T) {
	for _, test := range []struct {
		name  string
		opts  []revoxtest.Option
		fault *revoxtest.Fault
		want  []string
	}{
		{"from 0", nil, nil, []string{"asked 0/2 got 0/2/3 rows 2 fresh 2", "asked 1/2 got 1/2/3 rows 1 fresh 1"}},
		{"capped", []revoxtest.Option{revoxtest.WithPageSizeCap(1)}, nil,
			[]string{"asked 0/2 got 0/1/3 rows 1 fresh 1", "asked 1/2 got 1/1/3 rows 1 fresh 1", "asked 2/2 got 2/1/3 rows 1 fresh 1", "asked 3/2 got 3/1/3 rows 0 fresh 0"}},
		{"from 1, echoed", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}, nil,
			[]string{"asked 0/2 got 0/2/3 rows 2 fresh 2", "asked 1/2 got 1/2/3 rows 2 fresh 0", "asked 2/2 got 2/2/3 rows 1 fresh 1"}},
		{"rows alone", []revoxtest.Option{revoxtest.WithRowsOnly()}, nil, []string{"asked 0/2 got -/-/- rows 3 fresh 3"}},
		{"a try that broke off", nil, &revoxtest.Fault{Times: 1, Behavior: revoxtest.CutBody()},
			[]string{"asked 0/2 got 0/2/3 rows 2 fresh 2", "asked 1/2 got 1/2/3 rows 1 fresh 1"}},
		{"a second reading", nil, &revoxtest.Fault{Behavior: revoxtest.LyingTotal(4)}, []string{
			"asked 0/2 got 0/2/4 rows 2 fresh 2", "asked 1/2 got 1/2/4 rows 1 fresh 1", "asked 2/2 got 2/2/4 rows 0 fresh 0",
			"asked 0/2 got 0/2/4 rows 2 fresh 0", "asked 1/2 got 1/2/4 rows 1 fresh 0", "asked 2/2 got 2/2/4 rows 0 fresh 0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, test.opts...)
			s.SetRows(campaignID, "", makeRows(0, 3))
			if test.fault != nil {
				s.AddFault(*test.fault)
			}
			var got []string
			client := newClient(t, s.URL, revoxapi.WithTrace(revoxapi.Trace{Page: func(p revoxapi.PageTrace) {
				if p.CampaignID != campaignID {
					t.Errorf("a page of campaign %q", p.CampaignID)
				}
				got = append(got, fmt.Sprintf("asked %d/%d got %s/%s/%s rows %d fresh %d", p.Asked, p.AskedSize, or(p.Page), or(p.PageSize), or(p.Total), p.Rows, p.Fresh))
			}}))
			if _, _, err := readAll(client, revoxapi.RowsParams{PageSize: 2}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("reported %q, want %q", got, test.want)
			}
		})
	}
}

func or(n *revoxapi.Int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
