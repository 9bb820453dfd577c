package pipeline

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
)

// hideVersions masks the version of each row as 0.
func hideVersions(c *capture.Change) error {
	c.After[c.Table.Column("ver")] = capture.Value{Kind: capture.Text, Bytes: []byte("0")}
	return nil
}

func masked(rows []capturetest.Row) bool {
	return len(rows) > 0 && !slices.ContainsFunc(rows, func(r capturetest.Row) bool { return r.Version != 0 })
}

// The rows of a first copy, of the stream, and of the copy of a sink that joins are masked, each once.
func TestMasksActBeforeTheWindow(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.begin, r.mask = startrule.CopyIfNew, hideVersions
		r.script.Drop()
		r.script.Commit(1, 2, 3)
		stores := r.stores
		r.stores = stores[:1]
		d := r.start()
		r.script.Commit(4)
		r.waitDurable()
		d.stop()
		if got := stores[0].seen(); !masked(got) || len(got) < 4 {
			t.Errorf("the first sink has %v", got)
		}
		r.script.Commit(5)
		r.stores = stores
		r.make().run()
		r.script.Commit(6)
		r.waitDurable()
		for i, s := range stores {
			if got := s.seen(); !masked(got) || len(got) < 6 {
				t.Errorf("sink%d has %v", i, got)
			}
		}
		if r.script.Confirmed() != r.script.End() {
			t.Errorf("confirmed %s of %s\n%s", r.script.Confirmed(), r.script.End(), r.states())
		}
	}, newStore(), newStore())
}

// A change that cannot be masked reaches no sink, and halts the pipeline under the mask's name where that has one.
func TestAMaskFails(t *testing.T) {
	for state, why := range map[string]error{
		"mask_failed":        errors.New("division by zero"),
		"rule_does_not_fit":  &capture.Problem{State: "rule_does_not_fit", Halted: true, Reason: "p.hcl:3: no column email", Fix: "change it"},
		"rule_value_unknown": &capture.Problem{State: "rule_value_unknown", Halted: true, Reason: "p.hcl:3: a value is unknown", Fix: "change it"},
	} {
		var bad atomic.Bool
		bad.Store(true)
		run(t, func(t *testing.T, r *rig) {
			r.mask = func(c *capture.Change) error {
				if row, _ := capturetest.RowOf(c); row.Key == 13 && bad.Load() {
					return why
				}
				return nil
			}
			d := r.start()
			before := r.script.Commit(1)
			r.pass(time.Second) // a change that cannot be masked ends the stream at once
			r.script.Commit(2, 13, 3)
			r.pass(time.Second)
			if s := d.Status().State; s.Name != state || s.Kind != Halted || s.Fix == "" || s.Reason == "" {
				t.Errorf("%s: %+v", state, s)
			}
			if got := r.stores[0].seen(); len(got) != 1 || r.script.Confirmed() != before.LSN {
				t.Errorf("%s: the sink has %v, confirmed %s of %s", state, got, r.script.Confirmed(), before)
			}
			bad.Store(false)
			r.waitDurable()
			r.complete()
		}, newStore())
	}
}

// Without masks nothing is done per change.
func TestNoMaskAllocs(t *testing.T) {
	changes := make([]capture.Change, 100)
	if n := testing.AllocsPerRun(100, func() {
		if err := maskRows(nil, changes); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
