package pipeline

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// What a source says of a batch reaches the sinks, also where the batch has no changes.
func TestComposeKeepsWhatASourceSays(t *testing.T) {
	d := &delivery{}
	end := capture.Position{LSN: 0x1000}
	tables := []*capture.Table{{Name: "t"}}
	if err := d.compose([]capture.Batch{{End: end, Commit: true, State: []byte("s"), Copied: true, Tables: tables}}); err != nil {
		t.Fatal(err)
	}
	if b := d.batches[0]; len(d.batches) != 1 || b.End != end || !b.Commit || string(b.State) != "s" || !b.Copied || len(b.Tables) != 1 {
		t.Errorf("%+v", d.batches)
	}
}
