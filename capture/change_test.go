package capture_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// two is a batch of two transactions: three changes that commit at 100, two at 200.
func two() capture.Batch {
	a, b := &capture.Tx{LSN: 100}, &capture.Tx{LSN: 200}
	return capture.Batch{
		Changes: []capture.Change{{Tx: a}, {Tx: a, Seq: 1}, {Tx: a, Seq: 2}, {Tx: b}, {Tx: b, Seq: 1}},
		End:     capture.Position{LSN: 208}, Commit: true, Bytes: 77, State: []byte("s"),
	}
}

func TestBatchAfter(t *testing.T) {
	for _, c := range []struct {
		held capture.Position
		left int // changes, from the end; -1: the sink has the whole batch
	}{
		{capture.Position{}, 5},
		{capture.Position{LSN: 100}, 5},         // the sink does not have the transaction at 100
		{capture.Position{LSN: 100, Seq: 1}, 4}, // it has the first change of the transaction
		{capture.Position{LSN: 100, Seq: 2}, 3},
		{capture.Position{LSN: 100, Seq: 3}, 2},
		{capture.Position{LSN: 108}, 2}, // the end of the first commit record
		{capture.Position{LSN: 200}, 2},
		{capture.Position{LSN: 200, Seq: 1}, 1},
		{capture.Position{LSN: 200, Seq: 2}, 0}, // all changes, but not the end of the batch after the commit
		{capture.Position{LSN: 207}, 0},
		{capture.Position{LSN: 208}, -1},
		{capture.Position{LSN: 208, Seq: 1}, -1},
		{capture.Position{LSN: 300}, -1},
	} {
		whole := two()
		got, ok := whole.After(c.held)
		if ok != (c.left >= 0) {
			t.Errorf("held %s: something is left: %v", c.held, ok)
			continue
		}
		if !ok {
			continue
		}
		if len(got.Changes) != c.left {
			t.Errorf("held %s: %d changes are left, want %d", c.held, len(got.Changes), c.left)
		} else if c.left > 0 && &got.Changes[c.left-1] != &whole.Changes[4] {
			t.Errorf("held %s: not the last changes, or copies", c.held)
		}
		if got.End != whole.End || !got.Commit || got.Bytes != 77 || string(got.State) != "s" {
			t.Errorf("held %s: the rest of the batch is %+v", c.held, got)
		}
		if len(whole.Changes) != 5 {
			t.Errorf("held %s: the batch itself lost changes", c.held)
		}
	}
}

// A part that was cut by size ends inside its transaction.
func TestFragmentAfter(t *testing.T) {
	b := two()
	b.Changes, b.End, b.Commit = b.Changes[:2], capture.Position{LSN: 100, Seq: 2}, false
	if got, ok := b.After(capture.Position{LSN: 100, Seq: 1}); !ok || len(got.Changes) != 1 || got.Commit {
		t.Errorf("the first change is held: %v, %+v", ok, got)
	}
	if _, ok := b.After(b.End); ok {
		t.Error("held to its end, and something is left")
	}
}

// An empty batch advances a sink whose position is before it.
func TestEmptyBatchAfter(t *testing.T) {
	b := capture.Batch{End: capture.Position{LSN: 50}, Commit: true}
	if got, ok := b.After(capture.Position{LSN: 49}); !ok || got.End != b.End {
		t.Errorf("held 0/31: %v, %+v", ok, got)
	}
	if _, ok := b.After(b.End); ok {
		t.Error("held, and something is left")
	}
}

// The position of a snapshot is after everything that it contains and before everything that the stream sends from its
// point on.
func TestSnapshotPosition(t *testing.T) {
	const point capture.LSN = 0x1000
	tx := &capture.Tx{LSN: point - 1}
	row := capture.Change{Tx: tx, Seq: 9, Op: capture.Read}
	contained, next := capture.Position{LSN: point - 8}, capture.Change{Tx: &capture.Tx{LSN: point}}
	if tx.Snapshot() != point || !contained.Before(row.At()) || !row.At().Before(next.At()) {
		t.Errorf("the snapshot is at %s, its row at %s, the next change at %s", tx.Snapshot(), row.At(), next.At())
	}
}

func TestRow(t *testing.T) {
	before, after := make([]capture.Value, 1), make([]capture.Value, 2)
	for _, c := range []struct {
		change capture.Change
		want   int
	}{
		{capture.Change{Op: capture.Update, Before: before, After: after}, 2},
		{capture.Change{Op: capture.Delete, Before: before}, 1},
		{capture.Change{Op: capture.Truncate}, 0},
	} {
		if got := c.change.Row(); len(got) != c.want || (got == nil) != (c.want == 0) {
			t.Errorf("%s: the row has %d values", c.change.Op, len(got))
		}
	}
}

func TestOpNames(t *testing.T) {
	names := map[capture.Op]string{
		capture.Insert: "insert", capture.Update: "update", capture.Delete: "delete", capture.Truncate: "truncate", capture.Read: "read",
	}
	for op, want := range names {
		if op.String() != want {
			t.Errorf("%d is %s, want %s", op, op, want)
		}
	}
}
