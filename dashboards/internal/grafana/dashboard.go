// Package grafana reads those parts of this repository's dashboards that tests check. The tests of the folder dashboards
// and of the module dashboards/promql use it; nothing that users run does.
package grafana

import (
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
)

// Dashboard is one dashboard.
type Dashboard struct {
	File        string `json:"-"` // The file's name, without its folder.
	Raw         []byte `json:"-"` // The file's text.
	UID, Title  string
	ID          *int
	Description string
	Tags        []string
	Panels      []*Panel
	Annotations struct{ List []Annotation }
	Templating  struct{ List []Variable }
	Links       []struct {
		Type                  string
		Tags                  []string
		IncludeVars, KeepTime bool
	}
	SchemaVersion int
}

// Panel is a panel, or a row, which holds panels while it is collapsed.
type Panel struct {
	ID                       int
	Title, Type, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               *Datasource
	Targets                  []Target
	Panels                   []*Panel
	Collapsed                bool
	MaxDataPoints            int
	Transformations          []struct {
		ID      string
		Options struct {
			Reducers     []string
			IndexByName  map[string]int
			RenameByName map[string]string
		}
	}
	FieldConfig struct {
		Defaults struct {
			Unit, NoValue string
			Decimals      *int
			Max           *float64
			Custom        struct{ AxisSoftMax float64 }
			Color         struct{ Mode string }
			Thresholds    Thresholds
		}
		Overrides []struct {
			Matcher    Matcher
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
	Options struct {
		Legend struct {
			Calcs                          []string
			Placement, SortBy, DisplayMode string
			SortDesc                       bool
			// Time series use ShowLegend, heat maps use Show.
			ShowLegend, Show bool
		}
		ReduceOptions struct{ Calcs []string }
		YAxis         struct{ Unit string }
		Color         struct {
			Mode string
			Min  *float64
		}
		ValueMode string
	}
}

// Thresholds are the colours of values. The first has no value: it is for what is below the second, and for no data.
type Thresholds struct {
	Steps []struct {
		Color string
		Value *float64
	}
}

// Matcher selects fields.
type Matcher struct{ ID, Options string }

// Datasource says where a query is sent.
type Datasource struct{ Type, UID string }

// Chosen reports whether it is the data source that the reader chose by the dashboard's variable.
func (d *Datasource) Chosen() bool {
	return d != nil && *d == Datasource{"prometheus", "${datasource}"}
}

// Target is a query of a panel.
type Target struct {
	RefID, Expr, LegendFormat, Format, Interval string
	Instant, Range                              bool
	Datasource                                  *Datasource
}

// Annotation marks on every graph when its expression had a result.
type Annotation struct {
	Name, Expr, IconColor, TitleFormat string
	Datasource                         *Datasource
	Enable                             bool
}

// Variable is what the reader chooses at the top of a dashboard.
type Variable struct {
	Name, Type, Label, Description, AllValue, Regex, Definition string
	Query                                                       json.RawMessage
	Multi, IncludeAll                                           bool
	Refresh                                                     int
	Datasource                                                  *Datasource
	Current                                                     struct{ Value any }
}

// Read returns the dashboards in a folder, by their files' names. A folder without any is an error.
func Read(folder string) ([]*Dashboard, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no dashboards in %s", folder)
	}
	dashboards := make([]*Dashboard, 0, len(files))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		d := &Dashboard{File: filepath.Base(file), Raw: raw}
		if err := json.Unmarshal(raw, d); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		dashboards = append(dashboards, d)
	}
	return dashboards, nil
}

// Shown yields each panel that is not a row, those in collapsed rows too.
func (d *Dashboard) Shown() iter.Seq[*Panel] {
	return func(yield func(*Panel) bool) {
		for _, p := range d.Panels {
			if p.Type != "row" && !yield(p) {
				return
			}
			for _, inner := range p.Panels {
				if !yield(inner) {
					return
				}
			}
		}
	}
}
