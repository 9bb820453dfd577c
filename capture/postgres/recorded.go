package postgres

import (
	"encoding/json"

	"github.com/tailrace/tailrace/capture"
)

// recorded is what the source wants kept with a sink's position.
type recorded struct {
	Snapshot string `json:"snapshot"`        // "pending" until the lasting slot exists, then "done"
	Trees    string `json:"trees,omitempty"` // what the published partition trees were, see treeBase
}

var (
	statePending = []byte(`{"snapshot":"pending"}`)
	stateDone    = []byte(`{"snapshot":"done"}`)
)

// pending reports whether a record says that the lasting slot has not been seen yet.
func pending(r *capture.Record) bool {
	var was recorded
	return json.Unmarshal(r.State, &was) == nil && was.Snapshot == "pending"
}

// within reports whether a record stands inside a snapshot.
func within(r *capture.Record) bool { return r.Position.Flush() != r.Position.LSN }

// copied compares a record with a lasting slot. The slot means that the first copy was finished; a record from within a copy
// is that of a sink which joined later.
func copied(r *capture.Record, c *capture.Comparison) {
	c.Unfinished = within(r)
	if c.Unfinished || pending(r) {
		c.State = withTrees(stateDone, recordedTrees(r.State))
	}
}

// recordedTrees is what a record's state says of the partition trees; "": nothing.
func recordedTrees(state []byte) string {
	var was recorded
	_ = json.Unmarshal(state, &was) // a state of another version says nothing
	return was.Trees
}

// withTrees is a state with other trees.
func withTrees(state []byte, trees string) []byte {
	var r recorded
	_ = json.Unmarshal(state, &r) // as in recordedTrees
	r.Trees = trees
	text, _ := json.Marshal(r) // of two strings
	return text
}

// beyond returns a record by which there was a lasting slot; nil: the lane begins. Where no rows are copied a pending record may be
// one of a start whose slot was lost since: then the lane goes on from now for the first time only if some sink has not come
// so far.
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
