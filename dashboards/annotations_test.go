package dashboards

import "testing"

// The expressions of annotations are tested in the module promql.
func TestAnnotationsAreShown(t *testing.T) {
	for _, d := range read(t) {
		if len(d.Annotations.List) == 0 {
			t.Errorf("%s: no annotations", d.File)
		}
		for _, a := range d.Annotations.List {
			if !a.Datasource.Chosen() || !a.Enable || a.TitleFormat == "" || a.IconColor == "" {
				t.Errorf("%s: annotation %+v", d.File, a)
			}
		}
	}
}
