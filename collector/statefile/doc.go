// Package statefile keeps named values in one file, so that they survive the end of the process, also kill -9. A write
// is atomic: after an interruption, each value is the old or the new one. Concurrent writes share a commit. Each value
// has a format version and a checksum, and only valid values are returned. A damaged file is set aside, never removed.
// The caller must handle missing values.
//
//	file, found, err := statefile.Open(folder, identity, time.Second, time.Now())
//	err = file.Write(ctx, statefile.Change{Kind: "data", Name: "c-1", Bytes: bytes})
//	err = file.Close(ctx)
//
// The file is a go.etcd.io/bbolt database. bbolt maps it into memory and panics on a broken structure; this package
// turns faults and panics into errors.
package statefile
