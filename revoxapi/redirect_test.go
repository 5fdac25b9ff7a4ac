package revoxapi_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestRedirectWithinTheOriginIsFollowed(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 7))
	server.SetRows("moved", "c", makeRows(0, 7))
	target := "/api/campaigns/moved/rows?page=0&page_size=100"
	for _, location := range []string{target, strings.TrimSuffix(server.URL, "/api") + target} {
		remove := server.AddFault(revoxtest.Fault{Campaign: campaignID, Behavior: revoxtest.Redirect(location)})
		before := server.RequestCount()
		mustReadAll(t, newClient(t, server.URL), revoxapi.RowsParams{}, makeRows(0, 7))
		for _, r := range server.Requests()[before:] {
			if r.Header.Get("Authorization") != "Bearer "+revoxtest.APIKey {
				t.Errorf("%s was asked without the key", r.Path)
			}
		}
		remove()
	}
	t.Run("but not for ever", func(t *testing.T) {
		server.AddFault(revoxtest.Fault{Behavior: revoxtest.Redirect(target)})
		before := server.RequestCount()
		err := getPage(context.Background(), newClient(t, server.URL))
		e := asError(t, err, revoxapi.KindBadResponse)
		if asked := server.RequestCount() - before; asked != 6 || e.StatusCode != 302 || !strings.Contains(e.Error(), "again and again") {
			t.Errorf("%d requests: %v", asked, e)
		}
	})
}

// A redirect that loses the parameters leads to the first page, whichever page was asked for.
func TestRedirectThatAsksForSomethingElseIsNotFollowed(t *testing.T) {
	server := newServer(t)
	server.SetRows(campaignID, "c", makeRows(0, 7))
	server.SetRows("moved", "c", makeRows(0, 7))
	for _, query := range []string{
		"", "?", "?page=1", "?page_size=3", "?page=0&page_size=3&statuses=completed", "?page=1&page_size=100&statuses=completed",
		"?page=1&page_size=3", "?page=1&page_size=3&statuses=errored", "?page=1&page=0&page_size=3&statuses=completed", "?canary=%zz",
	} {
		remove := server.AddFault(revoxtest.Fault{Campaign: campaignID,
			Behavior: revoxtest.Redirect("/api/campaigns/moved/rows" + query)})
		before := server.RequestCount()
		_, err := newClient(t, server.URL).Page(t.Context(), campaignID,
			revoxapi.RowsParams{Page: 1, PageSize: 3, Statuses: []revoxapi.CallStatus{revoxapi.CallCompleted}})
		e := asError(t, err, revoxapi.KindBadResponse)
		if asked := server.RequestCount() - before; asked != 1 || e.StatusCode != 302 ||
			!strings.Contains(e.Error(), "without the page") || strings.Contains(e.Error(), "moved") {
			t.Errorf("%q: %d requests: %v", query, asked, e)
		}
		remove()
	}
}

func TestRedirectElsewhereIsNotFollowed(t *testing.T) {
	var visits, keys atomic.Int64
	other := handler(t, func(w http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		if r.Header.Get("Authorization") != "" {
			keys.Add(1)
		}
	})
	server := newServer(t)
	for _, test := range []struct{ location, says string }{
		{other + "/canary-path?canary=canary#canary", "another port of the same host"},
		{strings.Replace(other, "127.0.0.1", "localhost", 1) + "/canary", "another host"},
		{strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "another host"},
		{strings.Replace(server.URL, "http://", "https://", 1), "https on the same host"},
		{strings.Replace(server.URL, "http://", "//canary-user:canary-pass@canary.", 1), "another host"},
		{"//" + strings.TrimPrefix(other, "http://") + "/canary", "another port of the same host"},
		{"ftp://canary/", "without a usable location"},
		{"canary:canary", "without a usable location"},
		{"http:///canary", "without a usable location"},
		{"", "without a usable location"},
	} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			remove := server.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(code, http.Header{"Location": {test.location}}, "canary")})
			before := server.RequestCount()
			err := getPage(context.Background(), newClient(t, server.URL))
			e := asError(t, err, revoxapi.KindBadResponse)
			if !strings.Contains(e.Error(), "base URL") || !strings.Contains(e.Error(), test.says) {
				t.Errorf("%d to %q: %v", code, test.location, e)
			}
			for _, word := range []string{"canary", "localhost", "127.0.0.1", revoxtest.APIKey} {
				if strings.Contains(e.Error(), word) {
					t.Errorf("%d to %q gives away %q: %v", code, test.location, word, e)
				}
			}
			if e.StatusCode != code || server.RequestCount() != before+1 {
				t.Errorf("%d to %q: %d requests, %+v", code, test.location, server.RequestCount()-before, e)
			}
			remove()
		}
	}
	if visits.Load() != 0 || keys.Load() != 0 {
		t.Errorf("the other server was asked %d times, %d times with the key", visits.Load(), keys.Load())
	}
}
