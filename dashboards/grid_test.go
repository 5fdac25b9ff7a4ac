package dashboards

import (
	"testing"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

func TestGrid(t *testing.T) {
	for _, d := range read(t) {
		var check func([]*grafana.Panel)
		check = func(panels []*grafana.Panel) {
			for i, p := range panels {
				g := p.GridPos
				if g.W <= 0 || g.H <= 0 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
					t.Errorf("%s: %q is outside of the grid: %+v", d.File, p.Title, g)
				}
				for _, other := range panels[:i] {
					o := other.GridPos
					if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
						t.Errorf("%s: %q and %q overlap", d.File, p.Title, other.Title)
					}
				}
				if p.Type == "row" && !p.Collapsed && len(p.Panels) > 0 {
					t.Errorf("%s: row %q is open, yet it has panels inside", d.File, p.Title)
				}
				check(p.Panels)
			}
		}
		check(d.Panels)
		for _, p := range d.Panels {
			if p.GridPos.Y == 0 && p.Type != "stat" {
				t.Errorf("%s: %q is in the first row, but is not a stat panel, which shows its state at a glance", d.File, p.Title)
			}
		}
	}
}
