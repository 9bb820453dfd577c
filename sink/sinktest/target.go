package sinktest

import (
	"testing"

	"github.com/tailrace/tailrace/sink"
)

// Target is one empty place that sinks write to.
type Target struct {
	// New makes a sink of one fixed pipeline and name on the target, as another process would have it. The contract
	// closes it.
	New func(t *testing.T) sink.Sink
	// Read gives everything that is durable in the target by now, as (key, version) of the rows of Table: for each key in
	// the order of its delivery, repeats included.
	Read func(t *testing.T) []Seen
	// Latest says that the target keeps no history: Read gives the newest version of each key only.
	Latest bool
	// RecordUnsupported says that the target keeps no progress (sink.RecordUnsupported).
	RecordUnsupported bool
}

// Seen is one version of one row.
type Seen struct{ Key, Version int }
