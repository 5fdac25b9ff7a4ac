// Package labelvalue makes label values of what the API says: which values are known, which unknown ones may be shown, and
// which text is hidden because it may be anything.
//
//	labels := labelvalue.New(logger)
//	labels.Value(labelvalue.DialError, "busy")          // "busy", true
//	labels.Value(labelvalue.DialError, "line_broken")   // "line_broken", false: it looks like an identifier
//	labels.Value(labelvalue.DialError, "ask for Jane")  // "other", false
//
// It counts nothing but how often unknown values were seen. What is counted under its values is up to package tally.
package labelvalue
