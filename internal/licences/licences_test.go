package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write README.md again")

// compatible are licences of works that may be part of one under Apache-2.0 if their texts are distributed with it.
var compatible = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

func TestLicencesAreListedAndCompatible(t *testing.T) {
	components, err := read("../..")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(introduction)
	for _, c := range components {
		for _, licence := range c.licences {
			if !slices.Contains(compatible, licence) {
				t.Errorf("%s is under %s", c.name, licence)
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", c.name, strings.Join(c.licences, ", "))
	}
	const path = "README.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != b.String() {
		t.Error("README.md does not list what is linked into the binary; run: go test ./internal/licences -update")
	}
}

const introduction = `# Licences

The binary contains these works besides its own code. Their licences are compatible with Apache-2.0.
` + "`go run ./internal/licences`" + ` prints the texts; releases have them in ` + "`THIRD_PARTY_LICENCES`" + `.
This list is generated: ` + "`go test ./internal/licences -update`" + `.

| work | licence |
|---|---|
`

func TestTextsAreComplete(t *testing.T) {
	components, err := read("../..")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := write(&b, components); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"github.com/prometheus/client_golang v", ", NOTICE:", // Apache-2.0 requires notices to be distributed
		"Copyright (C) 2014 Alec Thomas", "Copyright 2009 The Go Authors.", "LICENSE.libyaml:",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the texts do not have %q", want)
		}
	}
}

func TestUnknownLicencesAreNotTakenForOthers(t *testing.T) {
	for _, text := range []string{
		"", "All rights reserved.", "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007",
		"Mozilla Public License Version 2.0", "Server Side Public License VERSION 1, OCTOBER 16, 2018",
	} {
		if got := identify(text); got != "" {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
}
