package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
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

// scriptedChanges returns the changes of two transactions. The first has one row. The second has a row, a message that annotates it,
// and two more rows.
func scriptedChanges() []capture.Change {
	first, second := &capture.Tx{LSN: 0x80}, &capture.Tx{LSN: 0x100}
	annotated := *second
	annotated.Annotations = []byte(`{"user":"eve"}`)
	table := &capture.Table{Name: "t"}
	return []capture.Change{
		{Tx: first, Table: table},
		{Tx: second, Seq: 0, Table: table},
		{Tx: second, Seq: 1, Op: capture.Message, Table: &capture.Table{Name: "tailrace.tx"}},
		{Tx: &annotated, Seq: 2, Table: table},
		{Tx: &annotated, Seq: 3, Table: table},
	}
}

// A change that cannot be transformed keeps what comes before it, by transactions: an annotation does not begin another one.
func TestChangesBeforeABadOne(t *testing.T) {
	for n, want := range map[int]string{
		0: "0 events to 0/80 commit true",
		1: "1 events to 0/100 commit true",
		3: "1 events to 0/100 commit true, 1 events to 0/100+2 commit false",
		4: "1 events to 0/100 commit true, 2 events to 0/100+3 commit false",
	} {
		changes := scriptedChanges()
		bad := &changes[n]
		r := &sinkRunner{log: zap.NewNop(), chain: transform.NewChain(transform.Step{Name: "refuse", Func: func(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
			if e.Change == bad {
				return nil, errTarget
			}
			return append(dst, e), nil
		}})}
		err := r.transformBatches([]capture.Batch{{Changes: changes, End: capture.Position{LSN: 0x130}, Commit: true}})
		var rejected *sink.Rejected
		if !errors.As(err, &rejected) || rejected.At != bad.At() {
			t.Errorf("change %d: %v", n, err)
		}
		var got []string
		for _, b := range r.batches {
			got = append(got, fmt.Sprintf("%d events to %s commit %v", len(b.Events), b.End, b.Commit))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("change %d: %q, want %q", n, got, want)
		}
	}
}

// A sink whose chain has no use for messages gets none, and its position advances over them.
func TestMessagesAreForChainsThatReadThem(t *testing.T) {
	message := scriptedChanges()[2:3]
	for _, reads := range []bool{false, true} {
		r := &sinkRunner{log: zap.NewNop(), messages: reads}
		end := capture.Position{LSN: 0x130}
		if err := r.transformBatches([]capture.Batch{{Changes: message, End: end, Commit: true}}); err != nil {
			t.Fatal(err)
		}
		b := r.batches[0]
		if len(r.batches) != 1 || b.End != end || !b.Commit || (len(b.Events) == 1) != reads || (len(b.Events) == 0) == reads {
			t.Errorf("reads %v: %+v", reads, r.batches)
		}
	}
}
