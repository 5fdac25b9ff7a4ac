package known_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// campaign returns what is known after a scan of a campaign with a row of each class, and its rows.
func campaign(labels *labelvalue.Labels) (*known.Rows, *rows.Set) {
	var began, ended revoxapi.Timestamp
	began.Time, ended.Time = start.Add(-10*time.Minute), start.Add(-9*time.Minute)
	made := []tally.Attempt{{Status: "completed", Result: tally.MakeValue("voicemail"), StartedAt: began, EndedAt: ended}}
	k := known.Nothing().Next(start)
	k.FullAt, k.Finished = start.Add(-time.Hour), tally.New(labels)
	built := rows.NewBuilder(rows.NewTable())
	for position, call := range []*tally.Call{
		nil,
		{Status: "queued_for_calling", Attempts: made},
		{Status: "completed", Attempts: []tally.Attempt{{Status: "completed", StartedAt: began}}}, // without an end
		{Status: "completed", Attempts: made},
		{Status: "cancelled"},
		{Status: "errored", Attempts: made},
	} {
		r := tally.Row{ID: fmt.Sprint("row ", position), Call: call}
		k.Observe(&r, nil, start)
		c, _ := k.Classify(&r)
		c = k.Keep(position, &r, c)
		k.Classes = append(k.Classes, c)
		counted := tally.New(labels)
		if c >= known.Completed {
			counted = k.Finished
		}
		built.Add(rows.Key(r.ID), counted.CountRow(r))
	}
	set, list := built.SetAndList()
	k.List, k.Layout = list, paging.Layout{FirstPage: 1, PageSize: 4, Total: list.Len()}
	return k, set
}

// A row of each class outlives a restart; late rows as finished ones, and none rests.
func TestDecodeReversesEncode(t *testing.T) {
	labels := labelvalue.New(slog.New(slog.DiscardHandler))
	k, set := campaign(labels)
	want := []known.Class{known.Waiting, known.Active, known.Late, known.Completed, known.Cancelled, known.Errored}
	if !slices.Equal(k.Classes, want) {
		t.Fatalf("classes %v, want %v", k.Classes, want)
	}
	if len(k.Late) != 1 || k.Resting.At(1) == nil || k.Countable(start.Add(10*time.Minute)) {
		t.Errorf("late %v, resting %v", k.Late, k.Resting)
	}
	again, err := known.Decode(k.Encode(), labels, set)
	if err != nil {
		t.Fatal(err)
	}
	if again.Layout != k.Layout || !again.FullAt.Equal(k.FullAt) || !again.At.Equal(k.At) || !slices.Equal(again.Read, k.Read) ||
		!slices.Equal(again.List.Keys(), k.List.Keys()) || again.Countable(k.At.Add(time.Minute)) != k.Countable(k.At.Add(time.Minute)) || len(again.Late)+len(again.Resting) > 0 {
		t.Errorf("decoded %+v, want %+v", again, k)
	}
	k.Classes[2] = known.Completed
	k.Finished.CountRow(k.Late[0].Row)
	if !slices.Equal(again.Classes, k.Classes) || !reflect.DeepEqual(again.Finished.Store(), k.Finished.Store()) {
		t.Errorf("decoded %v and %+v, want %v and %+v", again.Classes, again.Finished.Store(), k.Classes, k.Finished.Store())
	}
}

// Whatever is in the file, decoding it fails, or yields what can be stored and decoded again.
func FuzzDecode(f *testing.F) {
	labels := labelvalue.New(slog.New(slog.DiscardHandler))
	k, set := campaign(labels)
	f.Add(k.Encode())
	f.Add([]byte{2, 0, 0, 0, '{', '}'})
	f.Fuzz(func(t *testing.T, stored []byte) {
		k, err := known.Decode(stored, labels, set)
		if err != nil {
			return
		}
		if again, err := known.Decode(k.Encode(), labels, set); err != nil || again.Layout != k.Layout {
			t.Errorf("what is known of rows cannot be stored again: %v", err)
		}
	})
}
