// Package campaigns decides which campaigns are read: those given, those of a file, and those that discovery selects of the
// organization's list; of all these, the shard's.
//
//	selector, err := campaigns.New(campaigns.Config{Given: []string{"c-1"}, Logger: logger, Labels: labels})
//	ids, listed := selector.Selected()
//
// It reads the list when it is asked to ([Selector.Refresh]) and the file when it is asked to ([Selector.Reload]); when that is,
// is decided elsewhere. It knows nothing of rows.
package campaigns
