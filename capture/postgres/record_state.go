package postgres

import (
	"encoding/json"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/joined"
)

// recorded is the state that the source stores with a sink's position.
type recorded struct {
	Snapshot string `json:"snapshot"`        // "pending" until the permanent slot exists, then "done"
	Trees    string `json:"trees,omitempty"` // the state of the published partition trees, see package trees
	Joins    string `json:"joins,omitempty"` // tables that joined the publication, see package joined
}

var (
	statePending = []byte(`{"snapshot":"pending"}`)
	stateDone    = []byte(`{"snapshot":"done"}`)
)

// pending reports whether a record was written before the permanent slot was seen.
func pending(r *capture.Record) bool {
	var was recorded
	return json.Unmarshal(r.State, &was) == nil && was.Snapshot == "pending"
}

// within reports whether a record lies inside a snapshot.
func within(r *capture.Record) bool { return r.Position.Flush() != r.Position.LSN }

// copied compares a record with a permanent slot. The slot means that the first copy was finished; a record from within a
// copy belongs to a sink that joined later.
func copied(r *capture.Record, c *capture.Comparison) {
	c.Unfinished = within(r)
	if c.Unfinished || pending(r) {
		c.State = finished(r.State)
	}
}

// finished returns a state with the snapshot done.
func finished(state []byte) []byte {
	var r recorded
	_ = json.Unmarshal(state, &r) // a state of another version counts as none
	r.Snapshot = "done"
	text, _ := json.Marshal(r) // cannot fail: strings
	return text
}

// recordedTrees returns the partition trees of a record's state; "": it has none.
func recordedTrees(state []byte) string {
	var was recorded
	_ = json.Unmarshal(state, &was) // a state of another version counts as none
	return was.Trees
}

// withTrees returns a state with the trees replaced.
func withTrees(state []byte, trees string) []byte {
	var r recorded
	_ = json.Unmarshal(state, &r) // as in recordedTrees
	r.Trees = trees
	text, _ := json.Marshal(r) // cannot fail: strings
	return text
}

// beyond returns a record that proves that there was a permanent slot; nil: the lane begins. If no rows are copied, a
// pending record may be from a start whose slot was lost since: then the lane starts for the first time from now on only if
// some sink has not advanced that far.
func (c *Config) beyond(records []capture.Record) *capture.Record {
	begun := false
	for i := range records {
		r := &records[i]
		if !r.Position.IsZero() && !pending(r) {
			return r
		}
		begun = begun || r.Position.IsZero() || within(r)
	}
	if c.Snapshot == SnapshotNever && !begun && len(records) > 0 {
		return &records[0]
	}
	return nil
}

// recordedJoins returns the list of a record's state; "": it has none.
func recordedJoins(state []byte) string {
	var was recorded
	_ = json.Unmarshal(state, &was) // as in recordedTrees
	return was.Joins
}

// withJoins returns a state with the list replaced.
func withJoins(state []byte, joins string) []byte {
	var r recorded
	_ = json.Unmarshal(state, &r) // as in recordedTrees
	r.Joins = joins
	text, _ := json.Marshal(r) // cannot fail: strings
	return text
}

// restated returns the state of a record, or one without trees and a list if the record has none.
func restated(state []byte) []byte {
	if len(state) > 0 {
		return state
	}
	return stateDone
}

// joinsOf returns what a record has about tables that joined the publication.
func joinsOf(r *capture.Record) joined.Record {
	return joined.Record{List: recordedJoins(r.State), Fingerprint: r.Origin.Publication}
}
