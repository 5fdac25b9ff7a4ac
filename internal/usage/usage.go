// Package usage makes a command line that kingpin parses easier to use: help with the flags in groups, errors that
// name the wrong flag and its environment variable, and completion. It knows the prefixes of flags, but not what they
// mean.
package usage

import (
	"io"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
)

// group is a heading and the flags under it: those whose names have its prefix before the first dot.
type group struct {
	Title  string
	prefix string
	Flags  []*kingpin.FlagModel
}

// titles are the groups in the order in which a new user needs them.
var titles = []group{
	{Title: "Which campaigns", prefix: "campaign"},
	{Title: "The API", prefix: "revox"},
	{Title: "When to scan", prefix: "scan"},
	{Title: "Restarts", prefix: "state"},
	{Title: "Several replicas", prefix: "shard"},
	{Title: "Serving metrics", prefix: "web"},
	{Title: "Logging", prefix: "log"},
	{Title: "Showing what check found", prefix: "format"},
	{Title: "Trying it out", prefix: "demo"},
}

// others has the flags that belong to no other group.
const others = "Help"

// groups returns the flags in their groups, without hidden flags and empty groups.
func groups(flags []*kingpin.FlagModel) []group {
	out := slices.Clone(titles)
	out = append(out, group{Title: others})
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		prefix, _, _ := strings.Cut(f.Name, ".")
		i := slices.IndexFunc(titles, func(g group) bool { return g.prefix == prefix })
		if i < 0 {
			i = len(out) - 1
		}
		out[i].Flags = append(out[i].Flags, f)
	}
	return slices.DeleteFunc(out, func(g group) bool { return len(g.Flags) == 0 })
}

// Group makes app's --help print its flags in groups, and replaces kingpin's completion script for bash, for all
// applications of the process. more has the functions of app's other templates, since an application has one set of
// functions.
func Group(app *kingpin.Application, more template.FuncMap) {
	kingpin.BashCompletionTemplate = bashTemplate
	kingpin.EnableFileExpansion = false // an argument @FILE would be read and quoted, whatever is there
	funcs := template.FuncMap{"Groups": groups}
	maps.Copy(funcs, more)
	app.UsageFuncs(funcs)
	app.UsageTemplate(usageTemplate)
}

const usageTemplate = `usage: {{.App.Name}}{{if .Context.SelectedCommand}} {{.Context.SelectedCommand}}{{else}} [<command>]{{end}} [<flags>]

{{if .Context.SelectedCommand}}{{.Context.SelectedCommand.Help|Wrap 0}}{{else}}{{.App.Help|Wrap 0}}
Commands:

{{range .App.Commands}}{{if not .Hidden}}  {{.Name}}
{{.Help|Wrap 4}}
{{end}}{{end}}{{end}}{{range .Context.Flags|Groups}}
{{.Title}}:

{{.Flags|FlagsToTwoColumns|FormatTwoColumns}}{{end}}`

// bashTemplate also completes commands although there is a default one, and --flag=value, which bash passes as three
// words. kingpin's own script does neither.
const bashTemplate = `
_{{.App.Name}}_bash_autocomplete() {
    local cur="${COMP_WORDS[COMP_CWORD]}" word opts words=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        [[ $word == "=" ]] || words+=("$word")
    done
    if [[ $cur == "=" ]]; then
        cur=
        words+=("")
    fi
    opts=$("${COMP_WORDS[0]}" --completion-bash "${words[@]}")
    if ((COMP_CWORD == 1)); then
        opts+="{{range .App.Commands}}{{if not .Hidden}} {{.Name}}{{end}}{{end}}"
    fi
    COMPREPLY=($(compgen -W "$opts" -- "$cur"))
}
complete -F _{{.App.Name}}_bash_autocomplete -o default {{.App.Name}}

`

// Help returns a writer for kingpin's help that does not fail when nobody reads w any more, as in --help | head: kingpin
// would panic.
func Help(w io.Writer) io.Writer { return help{w} }

type help struct{ w io.Writer }

func (h help) Write(p []byte) (int, error) {
	_, _ = h.w.Write(p)
	return len(p), nil
}
