package sinktest

import (
	"testing"

	"github.com/tailrace/tailrace/sink"
)

// Target is an empty target that sinks write to.
type Target struct {
	// New creates a sink for the target, always with the same pipeline and name, as another process would. The contract closes
	// it.
	New func(t *testing.T) sink.Sink
	// Read returns everything that is durable in the target, as (key, version) of the rows of Table: per key in order of delivery,
	// including repetitions.
	Read func(t *testing.T) []Seen
	// Latest means that the target keeps no history: Read returns only the newest version of each key.
	Latest bool
	// RecordUnsupported means that the target keeps no progress (sink.RecordUnsupported).
	RecordUnsupported bool
}

// Seen is one version of one row.
type Seen struct{ Key, Version int }
