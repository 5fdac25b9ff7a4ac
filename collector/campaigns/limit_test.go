package campaigns

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// listOf returns the answer with a list of campaigns, from first on.
func listOf(first, n int, status string) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, `,{"id": "%s-%d", "name": "Spring", "status": "%s"}`, status, first+i, status)
	}
	return list.String()
}

// A list of any length selects a limited number of campaigns, always the same ones, and nothing is kept of others.
func TestListOfTooManyCampaigns(t *testing.T) {
	const over = 20
	body := ""
	s, err := New(Config{
		Given: []string{"given", "draft-3"}, Clock: revoxapi.SystemClock{}, Logger: slog.New(slog.DiscardHandler),
		Labels:    labelvalue.New(slog.New(slog.DiscardHandler)),
		Discovery: &Discovery{Statuses: []string{"running"}, CompletedFor: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(entries ...string) {
		t.Helper()
		body = `{"campaigns": [` + strings.TrimPrefix(strings.Join(entries, ""), ",") + `]}`
		s.cfg.Client = answertest.Client(t, []byte(body))
		if err := s.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	want := func(has, hasNot string, over int) {
		t.Helper()
		ids, listed := s.Selected()
		selected := map[string]bool{}
		for _, id := range ids {
			selected[id] = true
		}
		if len(selected) != MaxSelected || !selected["given"] || !selected["draft-3"] || !selected[has] || selected[hasNot] {
			t.Errorf("%d campaigns are selected; %s: %v, %s: %v", len(ids), has, selected[has], hasNot, selected[hasNot])
		}
		if n := s.OverLimit(); n != over {
			t.Errorf("%d campaigns over the limit, want %d", n, over)
		}
		if len(listed) > MaxSelected+1 || listed["draft-3"] == nil || listed["draft-4"] != nil {
			t.Errorf("%d entries are kept", len(listed))
		}
	}
	drafts := listOf(0, 50_000, "draft")
	read(drafts, listOf(over, MaxSelected, "running"))
	want("running-20", "running-10019", 2)

	// New campaigns that are listed first do not replace those that are read.
	read(listOf(0, MaxSelected+over, "running"), drafts)
	want("running-20", "running-0", 2+over)

	// They get the room of campaigns that are gone.
	read(listOf(0, MaxSelected, "running"), drafts)
	want("running-17", "running-10000", 2)
}
