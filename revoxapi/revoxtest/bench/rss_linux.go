package main

import "syscall"

// maxRSS is the most memory that a process had: Linux counts it in KiB.
func maxRSS(usage *syscall.Rusage) int64 { return int64(usage.Maxrss) << 10 }
