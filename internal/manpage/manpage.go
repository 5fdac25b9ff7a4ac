// Package manpage has the template of the manual page that kingpin prints for --help-man. It is text alone: pass
// both to kingpin.
package manpage

import (
	"strings"
	"text/template"
)

// Template is the value for kingpin.ManPageTemplate. It needs Funcs.
const Template = `{{define "flags" -}}
{{range .Flags}}{{if not .Hidden}}.TP
\fB{{if .Short}}\-{{.Short|Char}}\fR, \fB{{end}}\-\-{{.Name|roff}}{{if not .IsBoolFlag}}\fR=\fI{{if .PlaceHolder}}{{.PlaceHolder|roff}}{{else}}VALUE{{end}}{{end}}\fR
{{.Help|roff}}
{{if and .Default (not .IsBoolFlag)}}Default: {{range $i, $d := .Default}}{{if $i}}, {{end}}{{$d|roff}}{{end}}.
{{end}}{{if .Envar}}Environment: {{.Envar|roff}}.
{{end}}{{end}}{{end}}{{end -}}
.TH {{.App.Name|upper}} 1
.SH NAME
{{.App.Name|roff}} \- Prometheus exporter for Revox calling campaigns
.SH SYNOPSIS
.B {{.App.Name|roff}}
.RI [ command ]
.RI [ flags ]
.SH DESCRIPTION
{{.App.Help|roff}}
.SH COMMANDS
{{range .App.FlattenedCommands}}{{if not .Hidden}}.TP
.B {{.FullCommand|roff}}
{{.Help|roff}}
{{template "flags" .}}{{end}}{{end -}}
.SH OPTIONS
{{template "flags" .App -}}
.SH EXIT STATUS
0 after SIGTERM or SIGINT, 1 if it cannot start or cannot do what was requested, 2 on wrong usage.
.SH ENVIRONMENT
.TP
.B REVOX_API_KEY
The API key, if \-\-revox.api\-key\-file is not set.
.TP
.B REVOX_BASE_URL
The default of \-\-revox.base\-url.
`

// Funcs are the functions that Template calls. Pass them to kingpin's Application.UsageFuncs.
var Funcs = template.FuncMap{"roff": roff, "upper": strings.ToUpper}

// roff escapes text, so that troff shows it as it is.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
