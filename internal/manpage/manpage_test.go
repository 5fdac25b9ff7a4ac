package manpage_test

import (
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"

	"github.com/revox-exporter/revox_exporter/internal/manpage"
)

// The page has each command, flag, default and variable, and escapes what troff would interpret.
func TestPage(t *testing.T) {
	var page strings.Builder
	app := kingpin.New("some_exporter", ".A text that begins with a dot.\n'And a line with a quote.")
	app.UsageFuncs(manpage.Funcs).UsageWriter(&page)
	app.DefaultEnvars()
	app.Command("serve", "Serve at C:\\metrics.").Default()
	app.Flag("status", "Statuses that are read.").Default("paused-now", "running").Strings()
	app.Flag("key-file", "The key.").PlaceHolder("FILE").String()
	app.Flag("discover", "Read all.").Short('d').Bool()
	app.Flag("secret-flag", "Not shown.").Hidden().Bool()
	context, err := app.ParseContext(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.UsageForContextWithTemplate(context, 2, manpage.Template); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		".TH SOME_EXPORTER 1\n",
		"\n\\&.A text that begins with a dot.\n\\&'And a line with a quote.\n",
		".TP\n.B serve\nServe at C:\\emetrics.\n",
		".TP\n\\fB\\-\\-status\\fR=\\fIVALUE\\fR\nStatuses that are read.\nDefault: paused\\-now, running.\nEnvironment: SOME_EXPORTER_STATUS.\n",
		".TP\n\\fB\\-\\-key\\-file\\fR=\\fIFILE\\fR\nThe key.\nEnvironment: SOME_EXPORTER_KEY_FILE.\n",
		".TP\n\\fB\\-d\\fR, \\fB\\-\\-discover\\fR\nRead all.\nEnvironment: SOME_EXPORTER_DISCOVER.\n",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%q is not in it", want)
		}
	}
	if strings.Contains(page.String(), "secret") {
		t.Error("it shows a hidden flag")
	}
	if t.Failed() {
		t.Log(page.String())
	}
}
