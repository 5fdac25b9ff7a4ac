// Package wire writes what the simulated API sends: JSON in the style of a server, identifiers made from seeds, and the
// texts that a campaign's list entry and its rows share. It is for revoxtest and sim only.
package wire
