package pipeline

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// What a source says of a batch reaches the sinks, also where the batch has no changes.
func TestComposeKeepsWhatASourceSays(t *testing.T) {
	r := &sinkRunner{}
	end := capture.Position{LSN: 0x1000}
	tables := []*capture.Table{{Name: "t"}}
	if err := r.transformBatches([]capture.Batch{{End: end, Commit: true, State: []byte("s"), EndsSnapshot: true, Tables: tables}}); err != nil {
		t.Fatal(err)
	}
	if b := r.batches[0]; len(r.batches) != 1 || b.End != end || !b.Commit || string(b.State) != "s" || !b.EndsSnapshot || len(b.Tables) != 1 {
		t.Errorf("%+v", r.batches)
	}
}
