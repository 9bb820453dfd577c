package progress

import (
	"encoding/json"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// The versions of a progress record: a version of tailrace that knows only the first one would ignore a verdict.
const (
	plainVersion   = 1
	verdictVersion = 2 // with a verdict
)

// Record is the record of a lane in the progress topic; the newest one counts.
type Record struct {
	Version  int                `json:"version"`
	Position *capture.Position  `json:"position,omitempty"` // nil: nothing is durable yet, only topics are named
	System   uint64             `json:"system,string"`
	Timeline uint32             `json:"timeline"`
	History  []capture.Timeline `json:"history,omitempty"`
	// Publication, Database and Slot are those of the Origin.
	Publication string           `json:"publication"`
	Database    capture.Database `json:"database,omitzero"`
	Slot        string           `json:"slot,omitempty"`
	Commit      capture.Commit   `json:"commit,omitzero"`
	Verdict     *sink.Verdict    `json:"verdict,omitempty"`
	State       []byte           `json:"state,omitempty"`
	// Topics are all that the lane has written to or was about to write to: the next Open fences them.
	Topics []string `json:"topics,omitempty"`
}

// NewRecord returns a record of a source, without a position. verdict may be nil.
func NewRecord(from capture.Origin, verdict *sink.Verdict) *Record {
	r := &Record{
		Version: plainVersion, System: from.System, Timeline: from.Timeline, History: from.History,
		Publication: from.Publication, Database: from.Database, Slot: from.Slot, Verdict: verdict,
	}
	if verdict != nil {
		r.Version = verdictVersion
	}
	return r
}

// Origin returns the source that the record is of.
func (r *Record) Origin() capture.Origin {
	return capture.Origin{
		System: r.System, Timeline: r.Timeline, History: r.History, Publication: r.Publication, Database: r.Database, Slot: r.Slot,
	}
}

// Found is what the progress topic has of a lane.
type Found struct {
	Record  *Record // nil: no record
	Dropped bool    // there was a record, which was removed by drop
	Pruned  bool    // the topic has deleted old records, of whichever lanes
}

// Progress returns the result of Open.
func (f *Found) Progress() sink.Progress {
	p := f.Record
	switch {
	case p == nil && f.Pruned && !f.Dropped:
		return sink.Progress{Record: sink.RecordExpired}
	case p == nil || p.Position == nil:
		return sink.Progress{Record: sink.RecordNone}
	}
	return sink.Progress{
		Record: sink.RecordFound, Position: *p.Position, Origin: p.Origin(), Commit: p.Commit, State: p.State, Verdict: p.Verdict,
	}
}

// Encode returns the value of the record.
func (r *Record) Encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and strings
	}
	return b
}

func decode(b []byte) (*Record, error) {
	p := &Record{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("decode progress record: %w", err)
	}
	if p.Version != plainVersion && p.Version != verdictVersion {
		return nil, fmt.Errorf("decode progress record: it has version %d, this version of tailrace knows %d and %d", p.Version, plainVersion,
			verdictVersion)
	}
	return p, nil
}
