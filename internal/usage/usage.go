// Package usage prints a program's help with its flags in groups, so that the few that somebody looks for are found.
package usage

import (
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
)

// group is a heading, and the flags under it by the prefix of their names before the first dot.
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

// Group makes app's --help print its flags in groups, and the script for bash complete what people type. The script is
// the same for every application of the process. An application has one set of functions for all its templates: more are
// those of others.
func Group(app *kingpin.Application, more template.FuncMap) {
	kingpin.BashCompletionTemplate = bashTemplate
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

// bashTemplate differs from kingpin's own in that commands are completed beside a default one, and --flag=value, which
// bash hands over as three words.
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
