// Package campaigns decides which campaigns are read: the given ones, those in a file, and those that discovery selects
// from the organization's list. Of all these, it selects the shard's. It also knows the labels that the file gives them.
//
//	selector, err := campaigns.New(campaigns.Config{Given: []string{"c-1"}, Logger: logger, Labels: values})
//	ids, listed := selector.Selected()
//	labels := selector.Labels() // of the campaign with an ID and a name: labels.Of(id, name)
//
// It reads the list and the file only when told to, by [Selector.Refresh] and [Selector.Reload].
package campaigns
