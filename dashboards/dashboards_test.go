// Package dashboards has Grafana dashboards, and tests of everything in them except PromQL. The module promql tests their
// queries with Prometheus' own parser.
package dashboards

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

// uids must not change: they are part of the dashboards' addresses, which people bookmark.
var uids = map[string]string{
	"overview.json": "revox-overview",
	"campaign.json": "revox-campaign",
	"capacity.json": "revox-capacity",
	"exporter.json": "revox-exporter",
	"agent.json":    "revox-agent",
}

func read(t *testing.T) []*grafana.Dashboard {
	t.Helper()
	all, err := grafana.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(uids) {
		t.Fatalf("%d dashboards, want %d", len(all), len(uids))
	}
	return all
}

func TestDashboardsCanBeImportedAndProvisioned(t *testing.T) {
	for _, d := range read(t) {
		if d.UID != uids[d.File] {
			t.Errorf("%s: uid %q, want %q", d.File, d.UID, uids[d.File])
		}
		if d.ID != nil {
			t.Errorf("%s: id is %d; it must be null, so that Grafana assigns one", d.File, *d.ID)
		}
		if !strings.HasPrefix(d.Title, "Revox / ") || d.Description == "" {
			t.Errorf("%s: title %q, description %q", d.File, d.Title, d.Description)
		}
		if d.SchemaVersion != 38 {
			t.Errorf("%s: schemaVersion %d; Grafana 10.0 knows 38, and later versions upgrade it", d.File, d.SchemaVersion)
		}
		if bytes.Contains(d.Raw, []byte("__inputs")) || bytes.Contains(d.Raw, []byte("DS_PROMETHEUS")) {
			t.Errorf("%s: has inputs, which file provisioning does not fill", d.File)
		}
		for _, uid := range regexp.MustCompile(`"uid": "([^"]*)"`).FindAllSubmatch(d.Raw, -1) {
			if got := string(uid[1]); got != "${datasource}" && got != d.UID {
				t.Errorf("%s: fixed data source UID %q", d.File, got)
			}
		}
		linked := false
		for _, l := range d.Links {
			if l.Type == "dashboards" && slices.Contains(l.Tags, "revox") {
				linked = linked || l.IncludeVars && l.KeepTime
			}
		}
		if !linked || !slices.Contains(d.Tags, "revox") {
			t.Errorf("%s must have the tag revox, and links to the dashboards with it that keep time and variables", d.File)
		}
	}
}
