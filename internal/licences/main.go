// Command licences prints the licences of everything that is linked into the exporter's binary, as whoever distributes
// the binary must: go run ./internal/licences. Its test checks that the list in README.md is that of the code, and that
// each licence is compatible with Apache-2.0.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	components, err := read(".")
	if err == nil {
		err = cmp.Or(write(out, components), out.Flush())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// write prints the text of each component's licences.
func write(w io.Writer, components []component) error {
	if _, err := io.WriteString(w, "revox_exporter contains these works under their own licences.\n"); err != nil {
		return err
	}
	for _, c := range components {
		for _, text := range c.texts {
			if _, err := fmt.Fprintf(w, "\n%s\n\n%s %s, %s:\n\n%s\n", divider, c.name, c.version, text.file, text.text); err != nil {
				return err
			}
		}
	}
	return nil
}

const divider = "--------------------------------------------------------------------------------"
