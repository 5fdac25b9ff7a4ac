// Package histogram counts durations for a classic and a native histogram at once. It knows neither metrics nor labels; those
// are in package tally.
package histogram
