package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

// The command that the program prints reads its campaigns; another key is refused; -fail answers each request.
func TestTheExporterReadsIt(t *testing.T) {
	program := filepath.Join(t.TempDir(), "api")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range []struct {
		name, flag string
		key        string // "": that which it prints
		code       int
		says       string
	}{
		{"as it is", "-fail=0", "", 0, "6 of 6 campaigns read"},
		{"its own key", "-key=own", "", 0, "6 of 6 campaigns read"},
		{"another key", "-key=own", revoxtest.APIKey, 1, "401 Unauthorized"},
		{"each request fails", "-fail=503", "", 1, "503 Service Unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := exec.CommandContext(t.Context(), program, "-address=127.0.0.1:0", test.flag)
			stdout, err := api.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := api.Start(); err != nil {
				t.Fatal(err)
			}
			printed, lines := "", bufio.NewScanner(stdout)
			for !strings.Contains(printed, "--revox.base-url=") && lines.Scan() {
				printed += lines.Text() + "\n"
			}
			found := regexp.MustCompile(`REVOX_API_KEY=(\S+) \\\n +go run \. (check .*)\n`).FindStringSubmatch(printed)
			if found == nil {
				t.Fatalf("it prints no command:\n%s", printed)
			}
			key := found[1]
			if test.key != "" {
				key = test.key
			}
			code, out := programtest.Run(t, []string{"REVOX_API_KEY=" + key}, append(strings.Fields(found[2]), "--revox.max-retries=0")...)
			if code != test.code || !strings.Contains(out, test.says) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.says, out)
			}
			if err := api.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
			if err := api.Wait(); err != nil {
				t.Errorf("interrupted: %v", err)
			}
		})
	}
}

func TestWrongStatus(t *testing.T) {
	if err := serve("127.0.0.1:0", "key", 4290); err == nil || !strings.Contains(err.Error(), "-fail=4290") {
		t.Errorf("%v", err)
	}
}
