// Package statefile keeps named values in one file, so that they survive the end of the process, also kill -9. Writes
// are atomic, and concurrent writes share a commit. Each value has a format version and a checksum; only valid values
// are returned. A damaged file is set aside, never removed. The caller must handle missing values.
//
//	file, found, err := statefile.Open(folder, identity, time.Second, time.Now())
//	err = file.Write(ctx, statefile.Change{Kind: "data", Name: "c-1", Bytes: bytes})
//	err = file.Close(ctx)
//
// The file is a go.etcd.io/bbolt database. Panics and memory faults because of damage become errors.
package statefile
