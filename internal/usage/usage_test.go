package usage_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

// output returns what a command prints to standard output.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = []string{"PATH=" + filepath.Dir(programtest.Path(t)) + ":" + os.Getenv("PATH"), "COLUMNS=100"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, &stderr)
	}
	return string(out)
}

var (
	heading = regexp.MustCompile(`(?m)^(\S.*):$`)
	flag    = regexp.MustCompile(`(?m)^  (?:-\w, |    )?--(?:\[no-\])?([a-z][a-z0-9.-]*)`)
)

func TestHelpIsInGroups(t *testing.T) {
	help := output(t, programtest.Path(t), "--help")
	var titles []string
	for _, m := range heading.FindAllStringSubmatch(help, -1) {
		titles = append(titles, m[1])
	}
	at := func(title string) int { return slices.Index(titles, title) }
	if at("Commands") != 0 || at("Which campaigns") != 1 || at("The API") < 0 || at("When to scan") < 0 ||
		at("Serving metrics") < 0 || at("Help") != len(titles)-1 {
		t.Errorf("the headings are %q:\n%s", titles, help)
	}
	// Each flag is under the heading of its own, and there once.
	seen := map[string]int{}
	for title, prefix := range map[string]string{
		"Which campaigns": "campaign.", "The API": "revox.", "When to scan": "scan.",
		"Serving metrics": "web.", "Logging": "log.", "Trying it out": "demo",
	} {
		_, rest, _ := strings.Cut(help, "\n"+title+":\n")
		if next := heading.FindStringIndex(rest); next != nil {
			rest = rest[:next[0]]
		}
		flags := flag.FindAllStringSubmatch(rest, -1)
		if len(flags) == 0 {
			t.Errorf("there is nothing under %s", title)
		}
		for _, m := range flags {
			seen[m[1]]++
			if !strings.HasPrefix(m[1], prefix) {
				t.Errorf("--%s is under %s", m[1], title)
			}
		}
	}
	for _, name := range []string{
		"campaign.id", "campaign.discover", "revox.page-size", "scan.interval", "web.listen-address", "log.level", "demo",
	} {
		if seen[name] != 1 {
			t.Errorf("--%s is there %d times", name, seen[name])
		}
	}
	for _, name := range strings.Fields(output(t, programtest.Path(t), "--completion-bash", "--")) {
		name = strings.TrimPrefix(name, "--")
		shown := regexp.MustCompile(`(?m)^  (-\w, |    )?--(\[no-\])?` + regexp.QuoteMeta(name) + `\b[^.-]`)
		if n := len(shown.FindAllString(help, -1)); n != 1 {
			t.Errorf("--%s is in the help %d times, want once", name, n)
		}
	}
	if !strings.Contains(help, "500ms") || !strings.Contains(help, "($REVOX_EXPORTER_SCAN_INTERVAL)") ||
		!strings.Contains(help, "--scan.interval=1m ") {
		t.Errorf("units, environment variables or defaults are not there:\n%s", help)
	}

	check := output(t, programtest.Path(t), "check", "--help")
	if !strings.Contains(check, "usage: revox_exporter check [<flags>]") ||
		!strings.Contains(check, "Showing what check found:") || !strings.Contains(check, "--format=table") {
		t.Errorf("the help of check is\n%s", check)
	}
}

// Bash completes with the script that the program prints.
func TestBashCompletes(t *testing.T) {
	for line, want := range map[string][]string{
		"revox_exporter --campaign.in":          {"--campaign.include"},
		"revox_exporter --revox.max":            {"--revox.max-retries", "--revox.max-requests-per-second"},
		"revox_exporter ch":                     {"check"},
		"revox_exporter check --form":           {"--format"},
		"revox_exporter check --format j":       {"json"},
		"revox_exporter --log.level d":          {"debug"},
		"revox_exporter --demo --log.level = w": {"warn"}, // as bash splits it
		"revox_exporter --log.format =":         {"logfmt", "json"},
		"revox_exporter --demo --log.f":         {"--log.format"},
	} {
		script := `source <(revox_exporter --completion-script-bash)
words=($1)
function=$(complete -p revox_exporter) && function=${function#*-F } && function=${function%% *}
COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
"$function"
printf '%s\n' "${COMPREPLY[@]}"`
		got := strings.Fields(output(t, "bash", "-c", script, "bash", line))
		if !slices.Equal(got, want) {
			t.Errorf("%q completes to %q, want %q", line, got, want)
		}
	}
}

func TestZshScript(t *testing.T) {
	script := output(t, programtest.Path(t), "--completion-script-zsh")
	if !strings.HasPrefix(script, "#compdef revox_exporter\n") || !strings.Contains(script, "compadd") {
		t.Errorf("the script for zsh is\n%s", script)
	}
}
