package check_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/check"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// --state.path is tried: the result says in one line whether the state can be opened and written, and leaves no trace.
func TestStateIsTried(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.SetRows("c", "", rows(3))
	file := func(text string) func(string) error {
		return func(folder string) error { return os.WriteFile(folder+"/revox_exporter.db", []byte(text), 0o600) }
	}
	for _, test := range []struct {
		name    string
		prepare func(folder string) error
		at      string // in the folder
		ok      bool
		says    string
	}{
		{"new", nil, "", true, `\nThe state in /\S+ can be opened and written\.\n`},
		{"empty file", file(""), "", true, `\nThe state in /\S+ can be opened and written\.\n`},
		{"no folder", nil, "/none", false, `\n! --state\.path=/\S+ cannot be used, so a restart would lose the last data: .*no such file or directory; create the folder, writable by the exporter's user\n`},
		{"no folder but a file", file("x"), "/revox_exporter.db", false, `\n! --state\.path=.*not a directory\n`},
		{"damaged", file(strings.Repeat("x", 100_000)), "", false, `\n! --state\.path=\S+ cannot be used.*revox_exporter\.db: .*\n`},
		{"folder instead of a file", func(folder string) error { return os.Mkdir(folder+"/revox_exporter.db", 0o700) }, "", false,
			`\n! --state\.path=\S+ cannot be used.*revox_exporter\.db.*\n`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if test.prepare != nil {
				if err := test.prepare(folder); err != nil {
					t.Fatal(err)
				}
			}
			before := contents(t, folder)
			cmd, stdout, stderr := command(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL, "--campaign.id=c",
				"--state.path="+folder+test.at)
			if err := cmd.Run(); err != nil { // it could be read
				t.Errorf("%v\n%s", err, stderr)
			}
			if !regexp.MustCompile(test.says).MatchString(stdout.String()) {
				t.Errorf("it does not say %q:\n%s", test.says, stdout)
			}
			cmd, stdout, _ = command(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL, "--campaign.id=c",
				"--state.path="+folder+test.at, "--format=json")
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
			var r check.Result
			if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.State == nil || r.State.Path != folder+test.at || r.State.OK != test.ok || r.State.InUse || (r.State.Problem == "") != test.ok {
				t.Errorf("the state in JSON is %+v", r.State)
			}
			if after := contents(t, folder); after != before {
				t.Errorf("the folder has\n%s\nit had\n%s", after, before)
			}
		})
	}
}

// A running exporter uses its state, and a check beside it says so.
func TestStateInUse(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	api.SetRows("c", "", rows(3))
	folder := t.TempDir()
	args := []string{"--revox.base-url=" + api.URL, "--campaign.id=c", "--state.path=" + folder}
	p := programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, args...)
	p.Ready()
	cmd, stdout, _ := command(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, args...)
	if err := cmd.Run(); err != nil || !strings.Contains(stdout.String(), "is in use by another process, such as the exporter.\n") {
		t.Errorf("%v: %s", err, stdout)
	}
	p.Terminate()
	cmd, stdout, _ = command(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, args...)
	if err := cmd.Run(); err != nil || !strings.Contains(stdout.String(), "can be opened and written.\n") {
		t.Errorf("of an intact file, %v: %s", err, stdout)
	}
	args[0] += "/other"
	cmd, stdout, _ = command(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, args...)
	_ = cmd.Run() // there is no such API
	if !strings.Contains(stdout.String(), "it has campaigns of another API") {
		t.Errorf("of another API's file: %s", stdout)
	}
}

// contents returns what a folder has, with the bytes of files.
func contents(t *testing.T, folder string) (text string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text += entry.Name() + "\n"
		if entry.Type().IsRegular() {
			bytes, err := os.ReadFile(folder + "/" + entry.Name())
			if err != nil {
				t.Fatal(err)
			}
			text += string(bytes)
		}
	}
	return text
}
