package main

import (
	"cmp"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/internal/usage"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestWrongUsageIsOneLineThatNamesFlagAndVariable(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "none")
	for _, test := range []struct {
		name  string
		flag  string // the one that is named, "" if none is to blame
		value string // of the flag, which is given both ways
		more  string // arguments
		env   string // one line for each variable
		says  string
	}{
		{name: "without a campaign there is nothing to read", more: "-",
			says: "nothing to read: give --campaign.id=ID, or --campaign.discover .*REVOX_EXPORTER_CAMPAIGN_ID"},
		{name: "a flag with a typo gets the one that was meant", more: "--campaign.discver",
			says: `unknown long flag '--campaign.discver': did you mean --campaign.discover\?`},
		{name: "a dash for a dot is a typo", more: "--scan-interval=1m", says: `did you mean --scan.interval\?`},
		{name: "swapped letters are a typo", more: "--scan.intervla=1m", says: `did you mean --scan.interval\?`},
		{name: "a typo in a flag of check gets the one that was meant", more: "check --formt=json",
			says: `did you mean --format\?`},
		{name: "a flag like no other gets no suggestion", more: "--campaigns.everything",
			says: `unknown long flag '--campaigns.everything' \(try`},
		{name: "a command with a typo gets the one that was meant", more: "server", says: "unexpected argument: did you mean the command serve\\?"},
		{name: "an argument is not repeated", more: "canary-key-of-another", says: "unexpected argument: flags begin with --"},
		{name: "an argument after a command is not repeated", more: "check canary-key-of-another", says: "unexpected argument: flags begin with --"},
		{name: "an argument after flags is not repeated", more: "--campaign.id=c canary-key-of-another", says: "unexpected argument: flags begin with --"},
		{name: "an argument is not the name of a file with more", more: "@canary-key-of-another", says: "unexpected argument"},
		{name: "an argument of help is not repeated", more: "help canary-key-of-another", says: "unexpected argument"},
		{name: "the key is not a flag", more: "--canary-key", says: "unknown long flag '--<secret>'"},
		{name: "the value of an unknown flag is not repeated", more: "--revox.api-key=canary-key-of-another", says: "unknown long flag '--revox.api-key'"},
		{name: "the value after an unknown flag is not repeated", more: "--revox.api-key canary-key-of-another", says: "unknown long flag '--revox.api-key'"},
		{name: "a flag without its value is named", more: "serve --scan.interval", flag: "scan.interval",
			says: "expected argument for "},
		{name: "without a command too", more: "--demo --scan.interval", flag: "scan.interval", says: "expected argument for "},
		{name: "a flag without its value is named, not the next one", more: "--scan.interval --demo", flag: "scan.interval",
			says: "expected argument for "},
		{name: "a flag that is given twice is named", more: "--scan.interval=1m --scan.interval=2m", flag: "scan.interval",
			says: "cannot be repeated"},

		{name: "an empty key is no key", env: "REVOX_API_KEY= ", flag: "revox.api-key-file",
			says: "no API key: .*REVOX_API_KEY"},
		{name: "an empty key file has no key", flag: "revox.api-key-file", value: file("empty", "\n"),
			says: "empty: the API key is empty"},
		{name: "a key file must exist", flag: "revox.api-key-file", value: missing, says: "none: no such file"},
		{name: "a key is not a key file", flag: "revox.api-key-file", value: "sk_live_canary-key-of-another",
			says: "cannot be opened: no such file or directory: give the file's path, not the key"},
		{name: "a key with dots and slashes is not a key file", flag: "revox.api-key-file", value: "sk/live_canary-key.of/another==",
			says: "cannot be opened: no such file or directory: give the file's path, not the key"},
		{name: "a very long key is not a key file", flag: "revox.api-key-file", value: strings.Repeat("canary-key-of-another", 100),
			says: "cannot be opened: file name too long: give the file's path, not the key"},
		{name: "the key is not a campaign ID", flag: "campaign.id", value: "canary-key", says: "has the API key in its value"},
		{name: "the key is not a campaign file", flag: "campaign.file", value: "canary-key", says: "has the API key in its value"},
		{name: "the key is no part of the base URL", flag: "revox.base-url", value: "https://example.com/canary-key",
			says: "has the API key in its value"},
		{name: "the key is not a pattern", flag: "campaign.include", value: "canary-key(", more: "--campaign.discover", says: ": .*missing"},
		{name: "the key is not a status", flag: "campaign.status", value: "canary-key", more: "--campaign.discover",
			says: "has the API key in its value"},
		{name: "the key is not a state", flag: "state.path", value: "canary-key", says: "has the API key in its value"},
		{name: "the key is not a web configuration", flag: "web.config.file", value: "canary-key", says: "has the API key in its value"},
		{name: "the key is not an interval", flag: "scan.interval", value: "canary-key", says: ` must be a duration .*, not "<secret>"`},
		{name: "the key is not a campaign of a file", flag: "campaign.file", value: file("key.yml", "- a\n- canary-key\n"),
			says: "key.yml: line 2: entry 2 is the API key"},
		{name: "a campaign file's labels are checked", flag: "campaign.file",
			value: file("labels.yml", "- id: a\n  labels:\n    Team: canary-key\n"), says: "labels.yml: line 3: entry 1 has a label with a bad name"},
		{name: "a campaign file's patterns are checked", flag: "campaign.file",
			value: file("match.yml", "- a\n- {match: 'canary-key(', labels: {}}\n"),
			says:  "match.yml: line 2: entry 2 has a match that is not a regular expression: missing closing"},
		{name: "a campaign file's errors quote nothing", flag: "campaign.file", value: file("map.yml", "canary-key: canary-key\n"),
			says: "map.yml: it is not a plain list"},
		{name: "an alias in a campaign file is not quoted", flag: "campaign.file", value: file("alias.yml", "- a\n- *canary-key\n"),
			says: "alias.yml: it cannot be parsed"},
		{name: "a tag in a campaign file is not quoted", flag: "campaign.file", value: file("tag.yml", "- !!int canary-key\n"),
			says: "tag.yml: it "},
		{name: "a key file is not a directory", flag: "revox.api-key-file", value: dir, says: "not a regular file"},
		{name: "a key file has one line", flag: "revox.api-key-file", value: file("two", "canary-key\ncanary-key\n"),
			says: "control character"},

		{name: "a campaign ID is not a path", flag: "campaign.id", value: "..", says: `: "\.\." is not a campaign ID`},
		{name: "a campaign ID has no white space", flag: "campaign.id", value: "a b",
			says: `: "a b" is not a campaign ID`},
		{name: "a campaign file must exist", flag: "campaign.file", value: missing,
			says: "reading the campaign file: .*none: no such file"},
		{name: "a campaign file is a list", flag: "campaign.file", value: file("one.yml", "canary-key"),
			says: "one.yml: it is not a plain list"},
		{name: "a campaign file is not empty", flag: "campaign.file", value: file("nothing.yml", "# none yet\n"),
			says: "nothing.yml: it is empty"},
		{name: "an include pattern is a regular expression", flag: "campaign.include", value: "(", more: "--campaign.discover",
			says: ": .*missing"},
		{name: "an exclude pattern is one without its anchors too", flag: "campaign.exclude", value: "a)|(b", more: "--campaign.discover",
			says: ": .*unexpected"},
		{name: "discovery is on or off", flag: "campaign.discover", value: "yes",
			says: ` must be true or false, not "yes"`},
		{name: "the list is read at most once a second", flag: "campaign.discover-interval", value: "500ms",
			says: " must be at least 1s, not 500ms"},
		{name: "completed campaigns are not read for a negative time", flag: "campaign.completed-for", value: "-1h",
			says: " must be 0 or more, not -1h0m0s"},

		{name: "the base URL has a scheme", flag: "revox.base-url", value: "www.getrevox.com/api",
			says: "base URL must start with http"},
		{name: "the scheme of the base URL is HTTP", flag: "revox.base-url", value: "ftp://www.getrevox.com/api",
			says: "base URL must start with http"},
		{name: "the base URL has no password", flag: "revox.base-url", value: "https://me:canary-key@www.getrevox.com/api",
			says: "base URL must have no user"},
		{name: "the port of the base URL exists", flag: "revox.base-url", value: "http://127.0.0.1:99999",
			says: "base URL has a port that is not one from 1 to 65535"},
		{name: "the base URL is a URL", flag: "revox.base-url", value: "https://[canary-key",
			says: "base URL cannot be parsed"},
		{name: "REVOX_BASE_URL is checked too", env: "REVOX_BASE_URL=nowhere", flag: "revox.base-url",
			says: "base URL must start with http"},
		{name: "a page has a row", flag: "revox.page-size", value: "0", says: " must be 1 or more, not 0"},
		{name: "pages have no negative number", flag: "revox.first-page", value: "-1",
			says: " must be 0 or more, not -1"},
		{name: "a page size is a number", flag: "revox.page-size", value: "many",
			says: ` must be a whole number, not "many"`},
		{name: "a request has some time", flag: "revox.timeout", value: "0s", says: " must be more than 0, not 0s"},
		{name: "retries are not negative", flag: "revox.max-retries", value: "-1", says: " must be 0 or more, not -1"},
		{name: "a request is allowed", flag: "revox.concurrency", value: "0", says: " must be 1 or more, not 0"},
		{name: "the rate of requests is a number", flag: "revox.max-requests-per-second", value: "NaN",
			says: " must be 0 or more, not NaN"},
		{name: "the rate of requests has no unit", flag: "revox.max-requests-per-second", value: "5/s",
			says: ` must be a number, not "5/s"`},

		{name: "a duration has a unit", flag: "scan.interval", value: "60",
			says: ` must be a duration with a unit, such as 30s or 5m, not "60"`},
		{name: "a duration is not a word", flag: "scan.interval", value: "often",
			says: ` must be a duration with a unit, such as 30s or 5m, not "often"`},
		{name: "an interval is not negative", flag: "scan.interval", value: "-1s",
			says: " must be 0 or at least 1s, not -1s"},
		{name: "an interval is not shorter than a second", flag: "scan.interval", value: "1us",
			says: " must be 0 or at least 1s, not 1µs"},
		{name: "a scan's time is not negative", flag: "scan.timeout", value: "-1s",
			says: " must be 0 or more, not -1s"},
		{name: "data may be a second old", flag: "scan.max-age", value: "999ms",
			says: " must be at least 1s, not 999ms"},
		{name: "the interval of full scans is not negative", flag: "scan.full-interval", value: "-1h",
			says: " must be 0 or more, not -1h0m0s"},
		{name: "the offset is not negative", flag: "scan.timeout-offset", value: "-1s",
			says: " must be 0 or more, not -1s"},

		{name: "shards are counted from 0", flag: "shard.index", value: "3", more: "--shard.count=3",
			says: ` must be less than --shard.count \(REVOX_EXPORTER_SHARD_COUNT\), not 3`},
		{name: "a shard is not negative", flag: "shard.index", value: "-1", more: "--shard.count=3",
			says: " must be 0 or more, not -1"},
		{name: "there is a shard", flag: "shard.count", value: "0", says: " must be 1 or more, not 0"},

		{name: "some scrape must be answered", flag: "web.max-requests", value: "0", says: " must be from 1 to 10000, not 0"},
		{name: "an external URL has a host", flag: "web.external-url", value: "monitoring.example.com",
			says: " must be a URL such as https://"},
		{name: "an external URL is a page's", flag: "web.external-url", value: "ftp://monitoring.example.com",
			says: " must be a URL such as https://"},
		{name: "an external URL has no password", flag: "web.external-url", value: "https://user:canary-key@example.com",
			says: " must be a URL such as https://"},
		{name: "an external URL's path is plain", flag: "web.external-url", value: "https://example.com/a//b",
			says: " must be a path such as /revox"},
		{name: "a route prefix is a path", flag: "web.route-prefix", value: "revox", says: " must be a path such as /revox"},
		{name: "a route prefix goes nowhere else", flag: "web.route-prefix", value: "/a/../b", says: " must be a path such as /revox"},
		{name: "metrics are not served at a path that no request has", flag: "web.telemetry-path", value: "/a/../b",
			says: " must be a path of its own"},
		{name: "metrics are not served at the root", flag: "web.telemetry-path", value: "/",
			says: " must be a path of its own"},
		{name: "a log level is in lower case", flag: "log.level", value: "INFO",
			says: ": enum value must be one of debug,info,warn,error, got 'INFO'"},
		{name: "a log format is one of two", flag: "log.format", value: "xml",
			says: ": enum value must be one of logfmt,json, got 'xml'"},
		{name: "an output format is one of two", flag: "format", value: "xml", more: "check",
			says: ": enum value must be one of table,json, got 'xml'"},
		{name: "a value with line breaks is shown on one line", flag: "log.level", value: "in\nfo",
			says: "got 'in fo'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"REVOX_API_KEY=canary-key"}, strings.Split(test.env, "\n")...)
			args := strings.Fields(cmp.Or(test.more, "--campaign.id=c"))
			if test.more == "-" {
				args = nil
			}
			variable := "REVOX_EXPORTER_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(test.flag))
			wrongUsage := func(env, args []string) {
				t.Helper()
				code, out := programtest.Run(t, env, args...)
				if code != exitUsage || strings.Count(out, "\n") != 1 || !regexp.MustCompile(test.says).MatchString(out) {
					t.Errorf("exit code %d, want %d and one line with %q:\n%s", code, exitUsage, test.says, out)
				}
				if test.flag != "" && !strings.Contains(out, "--"+test.flag+" ("+variable+")") {
					t.Errorf("neither the flag nor its variable is named:\n%s", out)
				}
				if strings.Contains(out, "canary-key") || strings.Contains(out, "goroutine ") {
					t.Errorf("the key or a stack trace is shown:\n%s", out)
				}
			}
			if test.value == "" {
				wrongUsage(env, args)
				return
			}
			if test.flag == "campaign.id" || test.flag == "campaign.file" {
				args = nil // nothing else that may be read
			} else if !strings.Contains(test.more, "check") {
				args = append(args, "--campaign.id=c")
			}
			wrongUsage(append(env, variable+"="+test.value), args)
			if test.flag != "campaign.discover" { // on the command line it has no value
				wrongUsage(env, append(args, "--"+test.flag+"="+test.value))
			}
		})
	}
}

func TestProbableMistakesAreWarnedAbout(t *testing.T) {
	api := revoxtest.NewServer(revoxtest.WithAPIKey(`"canary-key"`))
	t.Cleanup(api.Close)
	api.SetRows("c", "", nil)
	quotedFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(quotedFile, []byte("\"canary-key\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	assignment := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(assignment, []byte("REVOX_API_KEY=canary-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	openFile := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(openFile, []byte("canary-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(openFile, 0o604); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  string // one line for each variable
		args string
		says []string // one for each warning, in any order
	}{
		{name: "usual usage has no warning", env: "REVOX_EXPORTER_SCAN_INTERVAL=2m"},
		{name: "a variable without a flag has no effect", env: "REVOX_EXPORTER_INTERVAL=canary-value",
			says: []string{`"this environment variable has no effect: no flag has it" variable=REVOX_EXPORTER_INTERVAL$`}},
		{name: "a variable with a typo gets the one that was meant", env: "REVOX_EXPORTER_SCAN_INTERVALL=canary-value",
			says: []string{`variable=REVOX_EXPORTER_SCAN_INTERVALL did_you_mean=REVOX_EXPORTER_SCAN_INTERVAL$`}},
		{name: "variables of check's flags are known", env: "REVOX_EXPORTER_FORMAT=json"},
		{name: "variables that Kubernetes sets for a service are known", env: "REVOX_EXPORTER_PORT=tcp://10.0.0.1:10210\n" +
			"REVOX_EXPORTER_SERVICE_HOST=10.0.0.1\nREVOX_EXPORTER_SERVICE_PORT=10210\nREVOX_EXPORTER_SERVICE_PORT_HTTP=10210\n" +
			"REVOX_EXPORTER_PORT_10210_TCP=tcp://10.0.0.1:10210\nREVOX_EXPORTER_PORT_10210_TCP_ADDR=10.0.0.1"},
		{name: "a version in the environment is usual", env: "REVOX_EXPORTER_VERSION=1.2.3"},
		{name: "filters have no effect without discovery",
			args: "--campaign.include=a --campaign.exclude=b --campaign.status=draft",
			says: []string{
				`--campaign.include \(REVOX_EXPORTER_CAMPAIGN_INCLUDE\) has no effect without --campaign.discover \(REVOX_EXPOR`,
				`--campaign.exclude \(REVOX_EXPORTER_CAMPAIGN_EXCLUDE\) has no effect`,
				`--campaign.status \(REVOX_EXPORTER_CAMPAIGN_STATUS\) has no effect`}},
		{name: "filters have an effect with discovery",
			args: "--campaign.discover --campaign.include=a --campaign.exclude=b --campaign.status=draft"},
		{name: "a status may be newer than the program", args: "--campaign.discover --campaign.status=archived",
			says: []string{`--campaign.status \(REVOX_EXPORTER_CAMPAIGN_STATUS\) has a status that is not known: .*" status=archived`}},
		{name: "quotation marks around a key are part of it", env: `REVOX_API_KEY="canary-key"`,
			says: []string{"the API key begins or ends with a quotation mark"}},
		{name: "quotation marks around a key in a file are part of it", args: "--revox.api-key-file=" + quotedFile,
			says: []string{"the API key begins or ends with a quotation mark"}},
		{name: "a key file in the format of an environment file", args: "--revox.api-key-file=" + assignment,
			says: []string{"the API key begins with REVOX_API_KEY= or with a brace"}},
		{name: "a key file that everyone can read", args: "--revox.api-key-file=" + openFile,
			says: []string{`every user of this machine can read the API key: .* file=.*/open`}},
		{name: "a comma does not separate IDs", args: "--campaign.id=a,b",
			says: []string{`repeat --campaign.id \(REVOX_EXPORTER_CAMPAIGN_ID\) for each campaign" campaign_id=a,b`}},
		{name: "without TLS the key can be read on the way",
			args: "--revox.base-url=http://192.0.2.1/api --revox.timeout=10ms --revox.max-retries=0",
			says: []string{"the base URL is not https"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"check", "--campaign.id=c"}, strings.Fields(test.args)...)
			env := append([]string{"REVOX_API_KEY=key", "REVOX_BASE_URL=" + api.URL}, strings.Split(test.env, "\n")...)
			_, out := programtest.Run(t, env, args...)
			warnings := regexp.MustCompile(`(?m)^.*\blevel=warn\b.*$`).FindAllString(out, -1)
			if len(warnings) != len(test.says) {
				t.Errorf("%d warnings, want %d:\n%s", len(warnings), len(test.says), out)
			}
			for _, says := range test.says {
				if !regexp.MustCompile(says).MatchString(strings.Join(warnings, "\n")) {
					t.Errorf("no warning says %q:\n%s", says, out)
				}
			}
			if strings.Contains(out, "canary") {
				t.Errorf("the key or another variable's value is shown:\n%s", out)
			}
		})
	}
}

func TestFlagsBecomeConfiguration(t *testing.T) {
	app, flags := newApp()
	t.Setenv("REVOX_API_KEY", "key")
	t.Setenv("REVOX_EXPORTER_SCAN_MAX_AGE", "20m")
	t.Setenv("REVOX_EXPORTER_CAMPAIGN_ID", "a\nb")
	if _, err := usage.Parse(app, []string{"--scan.interval=2m", "--revox.concurrency=7", "--revox.page-size=50",
		"--revox.first-page=1", "--scan.timeout=1m", "--scan.full-interval=3h", "--shard.index=1", "--shard.count=3",
		"--campaign.file=list.yml", "--campaign.discover", "--campaign.include=a.*", "--campaign.status=draft",
		"--campaign.completed-for=0"}); err != nil {
		t.Fatal(err)
	}
	got, err := flags.config()
	if err != nil {
		t.Fatal(err)
	}
	include, err := campaigns.AnchoredRegexp("a.*")
	if err != nil {
		t.Fatal(err)
	}
	want := collector.Config{
		Key: got.collector.Key, CampaignIDs: []string{"a", "b"}, CampaignFile: "list.yml",
		Shard:     campaigns.Shard{Index: 1, Count: 3},
		Discovery: &campaigns.Discovery{Interval: 5 * time.Minute, Include: include, Statuses: []string{"draft"}},
		Rows:      revoxapi.RowsParams{Page: 1, PageSize: 50}, ScanInterval: 2 * time.Minute,
		MaxScans: 7, ScanTimeout: time.Minute,
		MaxAge: 20 * time.Minute, FullInterval: 3 * time.Hour, ScrapeTimeoutOffset: 500 * time.Millisecond,
	}
	if !reflect.DeepEqual(got.collector, want) {
		t.Errorf("the configuration is\n%+v, want\n%+v", got.collector, want)
	}
	if endpoints := got.endpoints(); len(endpoints) != 2 || got.baseURL != revoxapi.DefaultBaseURL {
		t.Errorf("endpoints %v, base URL %s", endpoints, got.baseURL)
	}
}

// The help of each flag says what happens without it.
func TestHelpSaysEachDefault(t *testing.T) {
	app, _ := newApp()
	for _, flag := range app.Model().Flags {
		if flag.Hidden || flag.IsBoolFlag() || flag.Name == "web.config.file" { // the toolkit's help
			continue
		}
		if len(flag.Default) == 0 && !strings.Contains(flag.Help, "Default: ") {
			t.Errorf("the help of --%s does not say its default: %s", flag.Name, flag.Help)
		}
	}
}

const (
	exampleUnit = "examples/systemd/revox_exporter.service"
	packageUnit = ".ci/release/package/revox_exporter.service"
	packageEnv  = ".ci/release/package/revox_exporter.env"
)

// The units and the packages' configuration use flags and variables that the exporter has, and the folders that systemd
// provides.
func TestUnits(t *testing.T) {
	app, _ := newApp()
	known := map[string]bool{}
	for _, flag := range app.Model().Flags {
		known["--"+flag.Name] = true
		known["REVOX_EXPORTER_"+strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(flag.Name))] = true
	}
	for _, path := range []string{exampleUnit, packageUnit, packageEnv} {
		text := readText(t, path)
		names := regexp.MustCompile(`REVOX_EXPORTER_[A-Z_]*[A-Z]`).FindAllString(text, -1)
		start := regexp.MustCompile(`(?m)^ExecStart=.*$`).FindString(text)
		names = append(names, regexp.MustCompile(`--[a-z][a-z.-]*`).FindAllString(start, -1)...)
		if len(names) == 0 {
			t.Errorf("%s sets no flags", path)
		}
		for _, name := range names {
			if name != "REVOX_EXPORTER_A_B_C" && !known[name] {
				t.Errorf("%s: the exporter has no flag %s", path, name)
			}
		}
	}
	for path, pairs := range map[string][][2]string{
		exampleUnit: {
			{"--revox.api-key-file=${CREDENTIALS_DIRECTORY}/api-key", "\nLoadCredential=api-key:"},
			{"--state.path=${STATE_DIRECTORY}", "\nStateDirectory="},
		},
		packageUnit: {
			{"REVOX_EXPORTER_STATE_PATH=/var/lib/revox_exporter\n", "\nStateDirectory=revox_exporter\n"},
			{"REVOX_EXPORTER_REVOX_API_KEY_FILE=/etc/revox_exporter/api-key\n", "\nGroup=revox_exporter\n"},
		},
	} {
		for _, pair := range pairs {
			if text := readText(t, path); !strings.Contains(text, pair[0]) || !strings.Contains(text, pair[1]) {
				t.Errorf("%s lacks %s or %s", path, pair[0], strings.TrimSpace(pair[1]))
			}
		}
	}
}

// The packages' unit differs from the example only in its user, its key and where its flags come from.
func TestUnitsAreAlike(t *testing.T) {
	differs := regexp.MustCompile(`^(ExecStart|EnvironmentFile|Environment=REVOX_EXPORTER_.*|LoadCredential|DynamicUser|User|Group)=`)
	common := func(path string) (lines []string) {
		_, unit, ok := strings.Cut(readText(t, path), "\n[Unit]\n")
		if !ok {
			t.Fatalf("%s has no section Unit", path)
		}
		for _, line := range strings.Split(unit, "\n") {
			if !differs.MatchString(line) {
				lines = append(lines, line)
			}
		}
		return lines
	}
	example, packaged := common(exampleUnit), common(packageUnit)
	if a, b := strings.Join(example, "\n"), strings.Join(packaged, "\n"); a != b {
		t.Errorf("%s has\n%s\nand %s has\n%s", exampleUnit, a, packageUnit, b)
	}
	for _, want := range []string{"LimitCORE=0", "MemoryMax=512M", "NoNewPrivileges=yes"} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(strings.Join(example, "\n")) {
			t.Errorf("the units lack %s", want)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
