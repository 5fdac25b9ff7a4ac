//go:build unix && !linux

package main

import "syscall"

// maxRSS is the most memory that a process had: macOS counts it in bytes.
func maxRSS(usage *syscall.Rusage) int64 { return int64(usage.Maxrss) }
