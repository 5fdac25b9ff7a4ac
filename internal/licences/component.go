package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// component is a module that is linked into the binary, or Go's standard library.
type component struct {
	name, version string
	licences      []string // SPDX identifiers, sorted
	texts         []licenceText
}

// licenceText is a file with a licence, or with a notice that a licence requires to be distributed.
type licenceText struct {
	file string // its path within the component, with slashes
	text string
}

// platforms are those of the released binaries. Some modules are linked for some of them only.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// read returns the components of the binary whose package is in dir, sorted by name. A component without a known licence
// is an error.
func read(dir string) ([]component, error) {
	type found struct {
		version, root string
		files         map[string]bool
	}
	modules := map[string]*found{}
	for _, platform := range platforms {
		packages, err := list(dir, platform)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if p.Standard || p.Module == nil || p.Module.Main {
				continue
			}
			m := modules[p.Module.Path]
			if m == nil {
				m = &found{p.Module.Version, p.Module.Dir, map[string]bool{}}
				modules[p.Module.Path] = m
			}
			// A package may have a licence of its own besides that of its module.
			for folder := p.Dir; ; folder = filepath.Dir(folder) {
				names, err := licenceFiles(folder)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", p.Module.Path, err)
				}
				for _, name := range names {
					m.files[name] = true
				}
				if len(folder) <= len(m.root) {
					break
				}
			}
		}
	}
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("asking where Go is: %w", err)
	}
	root := strings.TrimSpace(string(goRoot))
	modules["Go"] = &found{strings.TrimPrefix(runtime.Version(), "go"), root,
		map[string]bool{filepath.Join(root, "LICENSE"): true}}

	var components []component
	for name, m := range modules {
		c := component{name: name, version: m.version}
		for file := range m.files {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			relative, err := filepath.Rel(m.root, file)
			if err != nil {
				return nil, err
			}
			text := licenceText{filepath.ToSlash(relative), strings.TrimSpace(string(data))}
			c.texts = append(c.texts, text)
			if licence := identify(text.text); licence != "" {
				c.licences = append(c.licences, licence)
			} else if !strings.Contains(strings.ToUpper(relative), "NOTICE") {
				return nil, fmt.Errorf("%s: %s is not a known licence", name, file)
			}
		}
		if len(c.licences) == 0 {
			return nil, fmt.Errorf("%s: no licence found in %s", name, m.root)
		}
		slices.Sort(c.licences)
		c.licences = slices.Compact(c.licences)
		slices.SortFunc(c.texts, func(a, b licenceText) int { return strings.Compare(a.file, b.file) })
		components = append(components, c)
	}
	slices.SortFunc(components, func(a, b component) int { return strings.Compare(a.name, b.name) })
	return components, nil
}

type goPackage struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// list returns the packages that are linked on a platform.
func list(dir, platform string) ([]goPackage, error) {
	system, architecture, _ := strings.Cut(platform, "/")
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages for %s: %w", platform, err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages for %s: %w", platform, err)
		}
		packages = append(packages, p)
	}
}

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|unlicense)`)

// licenceFiles returns the files in a folder whose names are those of licences or notices.
func licenceFiles(folder string) (files []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && licenceName.MatchString(entry.Name()) && !strings.HasSuffix(entry.Name(), ".go") {
			files = append(files, filepath.Join(folder, entry.Name()))
		}
	}
	return files, nil
}

// identify returns the SPDX identifier of a licence's text, or "" if it is not a known one.
func identify(text string) string {
	words := strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(phrase string) bool { return strings.Contains(words, phrase) }
	switch {
	case has("apache license version 2.0, january 2004"), has("licensed under the apache license, version 2.0"):
		return "Apache-2.0"
	case has("permission is hereby granted, free of charge, to any person obtaining a copy of this software " +
		"and associated documentation files"):
		return "MIT"
	case has("redistribution and use in source and binary forms") && has("neither the name"):
		return "BSD-3-Clause"
	case has("redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	case has("permission to use, copy, modify, and/or distribute this software for any purpose"):
		return "ISC"
	}
	return ""
}
