package main

import (
	"regexp"
	"strings"
	"testing"
)

const (
	exampleUnit = "examples/systemd/revox_exporter.service"
	packageUnit = "packaging/revox_exporter.service"
	packageEnv  = "packaging/revox_exporter.env"
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
