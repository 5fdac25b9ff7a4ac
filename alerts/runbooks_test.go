package alerts

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each alert has a runbook for somebody who has never seen the exporter, with commands that can be run as they stand; and
// each runbook has an alert. That their queries name what exists, and find it, is tested in ../dashboards/promql.
func TestRunbooks(t *testing.T) {
	head, rest, _ := strings.Cut(read(t, "runbooks.md"), "\n## Revox")
	sections, used := map[string]string{}, map[string]bool{}
	for _, section := range strings.Split("Revox"+rest, "\n## ") {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = body
	}
	block := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	command := regexp.MustCompile(`(?m)^(ask|check|check_one|logs|curl|systemctl|kubectl|promtool|amtool|df)\b`)
	silenced := regexp.MustCompile(`(?m)^silence \d+[mhd] .*'?alertname=~?(\S*?)'?( |$)`)
	script := ""
	for _, set := range block.FindAllStringSubmatch(head, -1) {
		script += set[1]
	}
	for _, function := range []string{"ask", "silence", "logs", "check", "check_one"} {
		if !strings.Contains(script, function+"() {") {
			t.Errorf("the head does not define %s", function)
		}
	}
	for _, a := range append(alertsOf(readRules(t)), alertsOf(readRulesOf(t, watchdogFile))...) {
		body, ok := sections[a.Alert]
		used[a.Alert] = true
		if !ok {
			t.Errorf("runbooks.md has no heading %s", a.Alert)
			continue
		}
		at := 0
		for _, part := range []string{"What happened.", "Who is affected.", "Urgent?", "First commands", "Usual causes.", "Do.", "Silence"} {
			i := strings.Index(body, "\n**"+part+"**")
			if i < at {
				t.Errorf("%s: **%s** is missing, or not in its place", a.Alert, part)
			}
			at = i
		}
		if severe := a.Labels["severity"] == "page"; severe && !strings.Contains(body, "\n**Urgent?** Yes") {
			t.Errorf("%s is a page, but not urgent", a.Alert)
		}
		blocks := block.FindAllStringSubmatch(body, -1)
		if len(blocks) == 0 || len(command.FindAllString(blocks[0][1], -1)) < 3 {
			t.Errorf("%s has less than three first commands", a.Alert)
		}
		all := ""
		for _, b := range blocks {
			all += b[1]
		}
		script += all
		if match := silenced.FindStringSubmatch(all); a.Alert != "Watchdog" &&
			(match == nil || !slices.Contains(strings.Split(match[1], "|"), a.Alert)) {
			t.Errorf("%s: no command silences it", a.Alert)
		}
		if strings.Contains(all, `campaign_id="$ID"`) && !strings.Contains(a.Annotations["dashboard_url"], "var-campaign") {
			t.Errorf("%s is silenced by campaign, but has none", a.Alert)
		}
	}
	for name := range sections {
		if used[name] {
			continue
		}
		t.Errorf("runbooks.md has the heading %s, which is not an alert", name)
	}

	// Errors are logged once, when they begin, so the log is that since the start; what is shown of it is short.
	if strings.Contains(script, "--since") {
		t.Error("a command shows only the last hours of a log")
	}
	for _, line := range regexp.MustCompile(`(?m)^logs .*$`).FindAllString(script, -1) {
		if !regexp.MustCompile(`^logs \| grep .* \| tail( -n \d+)?$`).MatchString(line) {
			t.Errorf("%s: shows the whole log", line)
		}
	}

	// Flags and paths exist.
	flags := read(t, "../docs/flags.md")
	for _, flag := range regexp.MustCompile(`--(revox|campaign|scan|state|web|shard|log)\.[a-z.-]+`).FindAllString(read(t, "runbooks.md"), -1) {
		if !strings.Contains(flags, "`"+strings.TrimRight(flag, ".")) {
			t.Errorf("there is no flag %s", flag)
		}
	}
	for _, match := range regexp.MustCompile(`\$EXPORTER(/[\w/-]*)`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(read(t, "../docs/operations.md"), "`"+match[1]+"`") {
			t.Errorf("docs/operations.md has no path %s", match[1])
		}
	}
	check := exec.Command("bash", "-n")
	check.Stdin = strings.NewReader(script)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("bash cannot read the commands: %v\n%s", err, out)
	}
}
