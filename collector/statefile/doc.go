// Package statefile keeps named values in one file of a folder, so that they outlive the process however it ends. A
// value that was written is there after kill -9; one that was not written whole is as it was before. Writers that come
// at once share a commit. Each value carries the version of its format and a checksum: what cannot be trusted is not
// given out, and a damaged file is set aside, never removed. That a value is missing is for the caller to see.
//
// The file is one of go.etcd.io/bbolt, which maps it into memory and panics where its structure is broken: both are
// kept from taking the process along.
package statefile
