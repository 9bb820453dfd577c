package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// summer is a step that remembers transactions: at the end of one it makes an event for each key, whose version is made of all changes
// of the key in the transaction, so that it differs when one of them is missing or comes twice.
type summer struct {
	keys []int // in the order of their first changes
	sums map[int]int
	fail *atomic.Int64 // the key whose event is rejected; nil: none
}

// sums returns a chain that passes every change on and makes sums.
func sums() *transform.Chain { return sumsBut(nil) }

func sumsBut(fail *atomic.Int64) *transform.Chain {
	s := &summer{sums: map[int]int{}, fail: fail}
	return transform.NewChain(transform.Step{Name: "sums", Func: s.add, Commit: s.commit, Reset: s.reset})
}

// sumOf is what a change adds to the sum of its key.
func sumOf(seq int, r capturetest.Row) int { return (seq + 1) * (seq + 1) * (r.Version + 1) }

// sumRow is the row of the event of a key.
func sumRow(tx *capture.Tx, key, sum int) capturetest.Row {
	return capturetest.Row{Key: 1_000_000_000 + int(tx.LSN)*100 + key, Version: sum}
}

func (s *summer) add(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	if e.Change.Op != capture.Read {
		r, err := capturetest.RowOf(e.Change)
		if err != nil {
			return dst, err
		}
		if _, known := s.sums[r.Key]; !known {
			s.keys = append(s.keys, r.Key)
		}
		s.sums[r.Key] += sumOf(int(e.Change.Seq), r)
	}
	return append(dst, e), nil
}

func (s *summer) commit(dst []transform.Event, tx *capture.Tx) ([]transform.Event, error) {
	defer s.reset()
	for i, key := range s.keys {
		c := capturetest.ChangeOf(tx, i, sumRow(tx, key, s.sums[key]))
		if s.fail != nil && s.fail.Load() == int64(key) {
			return dst, &transform.Rejection{Reason: "bad_sum", Err: errors.New("this sum is bad"), Change: &c}
		}
		dst = append(dst, transform.Event{Change: &c, Type: "Sum", HasData: true})
	}
	return dst, nil
}

func (s *summer) reset() {
	s.keys = nil
	clear(s.sums)
}

// withSums returns every row of the script, each transaction followed by its sums, unless copies of rows may stand for transactions.
func (r *rig) withSums() (rows []capturetest.Row) {
	r.script.Each(func(tx *capture.Tx, changes []capturetest.Row) {
		rows = append(rows, changes...)
		if !r.copied {
			rows = append(rows, sumsOf(tx, changes)...)
		}
	})
	return rows
}

func sumsOf(tx *capture.Tx, changes []capturetest.Row) (rows []capturetest.Row) {
	s := &summer{sums: map[int]int{}}
	for i, c := range changes {
		if _, known := s.sums[c.Key]; !known {
			s.keys = append(s.keys, c.Key)
		}
		s.sums[c.Key] += sumOf(i, c)
	}
	for _, key := range s.keys {
		rows = append(rows, sumRow(tx, key, s.sums[key]))
	}
	return rows
}

// judged returns the rows of a target that are judged. Where a copy of all rows stands for transactions, the sums are only checked
// for being complete.
func (r *rig) judged(seen []capturetest.Row) []capturetest.Row {
	if !r.summed || !r.copied {
		return seen
	}
	all := map[capturetest.Row]bool{}
	r.script.Each(func(tx *capture.Tx, changes []capturetest.Row) {
		for _, row := range sumsOf(tx, changes) {
			all[row] = true
		}
	})
	var rows []capturetest.Row
	for _, row := range seen {
		if row.Key < 1_000_000_000 || !all[row] {
			rows = append(rows, row)
		}
	}
	return rows
}

// A transaction that comes in pieces gives its sums once, after its rows, whatever happens between the pieces. What is durable in the
// middle does not come again.
func TestTransactionInPieces(t *testing.T) {
	whole := capturetest.Transaction{Keys: []int{1, 2, 1, 3, 1, 2}, Cuts: []int{2, 4}}
	for name, c := range map[string]struct {
		window  int64
		store   func() *store
		happens func(*rig, *daemon)
		repeats bool
	}{
		"nothing":           {happens: func(*rig, *daemon) {}},
		"the writer fails":  {happens: func(r *rig, _ *daemon) { r.stores[0].breaks(errTarget) }},
		"the stream breaks": {happens: func(r *rig, _ *daemon) { r.script.Cut() }},
		"a restart":         {happens: func(r *rig, d *daemon) { d.stop(); r.start() }},
		"a kill":            {happens: func(r *rig, d *daemon) { d.kill(); r.start() }},
		"a small window":    {window: 250, happens: func(r *rig, _ *daemon) { r.stores[0].breaks(errTarget) }},
		"all or nothing":    {store: transactional, happens: func(r *rig, _ *daemon) { r.stores[0].breaks(errTarget) }},
		"without a record":  {store: forgetful, happens: func(r *rig, _ *daemon) { r.stores[0].breaks(errTarget) }, repeats: true},
		"fails two times": {happens: func(r *rig, d *daemon) {
			r.stores[0].breaks(errTarget)
			r.pass(time.Second)
			d.kill()
			r.start()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			create := newStore
			if c.store != nil {
				create = c.store
			}
			run(t, func(t *testing.T, r *rig) {
				r.summed = true
				if c.window > 0 {
					r.window = c.window
				}
				d := r.start()
				r.script.Commit(7, 8)
				r.waitDurable()
				stops := stopAfter(r.stores[0], 4) // the first two pieces become durable
				end := r.script.Add(whole)
				r.pass(time.Second)
				if p := r.stores[0].position(); !r.stores[0].transactional && !r.stores[0].forgetful && p.Seq != 4 {
					t.Fatalf("the record is at %s, want it inside the transaction", p)
				}
				c.happens(r, d)
				stops()
				r.script.Commit(9)
				r.waitDurable()
				r.complete()
				if got, want := len(r.stores[0].seen()), len(r.withSums()); got != want && !c.repeats {
					t.Errorf("the target has %d rows, want %d: %v", got, want, r.stores[0].seen())
				}
				if p := r.stores[0].position(); !r.stores[0].forgetful && p.Before(end) {
					t.Errorf("the record is at %s", p)
				}
			}, create(), newStore())
		})
	}
}

// stopAfter lets a store take the events of positions up to Seq n of a transaction and no more, until the function that it returns is
// called.
func stopAfter(s *store, n uint64) (undo func()) {
	s.set(func() {
		s.refuse = func(b sink.Batch) error {
			if b.End.Seq > n || b.End.Seq == 0 && len(b.Events) > 1 {
				return errTarget
			}
			return nil
		}
	})
	return func() { s.set(func() { s.refuse = nil }) }
}

// A target that rejects an event of the end of a transaction gets those before it once, however often it is tried, and has not lost
// the transaction.
func TestEventOfTheEndIsRejected(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.summed = true
		d := r.start()
		var bad capturetest.Row
		r.stores[0].set(func() {
			r.stores[0].refuse = func(b sink.Batch) error {
				for _, e := range b.Events {
					row, _ := capturetest.RowOf(e.Change)
					if e.Type == "Sum" && row.Key%100 == 3 {
						bad = row
						return &sink.Rejected{At: e.Change.At(), Table: e.Change.Table.String(), Reason: "too_large", Err: errTarget}
					}
				}
				return nil
			}
		})
		r.script.Add(capturetest.Transaction{Keys: []int{1, 2, 3, 4, 1, 3}, Cuts: []int{3}})
		r.pass(100 * time.Second)
		d.is(0, "rejected")
		if got := r.stores[0].seen(); len(got) != 8 {
			t.Errorf("the target has %v, want six rows and two sums", got)
		}
		if p := r.stores[0].position(); p.Seq != 8 {
			t.Errorf("the record is at %s, want it before the third sum", p)
		}
		r.stores[0].set(func() { r.stores[0].refuse = nil })
		r.waitDurable()
		r.complete()
		if got := r.stores[0].seen(); len(got) != 10 || !slices.Contains(got, bad) {
			t.Errorf("the target has %v", got)
		}
	}, newStore(), newStore())
}

// Another process may have another chain, so it makes all events of the end of a transaction again.
func TestEventsOfTheEndAfterARestart(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.summed = true
		d := r.start()
		undo := stopAfter(r.stores[0], 5)
		r.script.Add(capturetest.Transaction{Keys: []int{1, 2, 3, 4}})
		r.pass(time.Second)
		if p := r.stores[0].position(); p.Seq != 5 {
			t.Fatalf("the record is at %s, want it after the first of four sums", p)
		}
		d.kill()
		undo()
		r.start()
		r.waitDurable()
		r.complete()
		if got := r.stores[0].seen(); len(got) != 4+1+4 {
			t.Errorf("the target has %v", got)
		}
	}, newStore(), newStore())
}

// A step that rejects an event at the end of a transaction halts the sink there. Nothing comes twice.
func TestStepRejectsAtTheEnd(t *testing.T) {
	for name, how := range map[string]capturetest.Transaction{
		"one batch": {Keys: []int{1, 2, 1}},
		"pieces":    {Keys: []int{1, 2, 1}, Cuts: []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var fail atomic.Int64
			run(t, func(t *testing.T, r *rig) {
				r.chain = sumsBut(&fail)
				d := r.start()
				fail.Store(2)
				r.script.Add(how)
				r.script.Commit(5)
				r.pass(100 * time.Second)
				d.is(0, "rejected")
				st := d.sink(0)
				if !strings.Contains(st.State.Reason, "this sum is bad") || !strings.Contains(st.State.Reason, "public.ledger") || st.Rejected != 1 {
					t.Errorf("%+v", st)
				}
				if d.value("events_rejected_total", "p", "bad_sum", "sink0") != 1 {
					t.Error("the reason is not counted")
				}
				if got := r.stores[0].seen(); len(got) != 4 || st.Durable.Seq != 4 {
					t.Errorf("the target has %v up to %s, want three rows and a sum", got, st.Durable)
				}
				fail.Store(0)
				r.waitDurable()
				d.is(0, "streaming")
				if got := r.stores[0].seen(); len(got) != 3+2+1+1 {
					t.Errorf("the target has %v", got)
				}
			}, newStore(), newStore())
		})
	}
}

// A panic at the end of a transaction halts the sink, as any other one does.
func TestPanicAtTheEnd(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.chain = transform.NewChain(transform.Step{
			Name: "panics",
			Func: func(dst []transform.Event, e transform.Event) ([]transform.Event, error) { return append(dst, e), nil },
			Commit: func([]transform.Event, *capture.Tx) ([]transform.Event, error) {
				panic("index out of range")
			},
			Reset: func() {},
		})
		d := r.start()
		r.script.Commit(1, 2)
		r.waitDurable()
		d.is(0, "panic")
		if got := r.stores[0].seen(); len(got) != 2 {
			t.Errorf("the target has %v", got)
		}
	}, newStore(), newStore())
}

// Several transactions of one batch give their sums each after its own rows.
func TestTransactionsOfOneBatch(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.summed = true
		r.start()
		r.script.Cut() // so that the next stream has all of them at once
		for i := range 5 {
			r.script.Add(capturetest.Transaction{Keys: []int{i, i + 1, i}, Joined: true})
		}
		r.waitDurable()
		r.complete()
		if got := fmt.Sprint(r.stores[0].seen()); got != fmt.Sprint(r.withSums()) {
			t.Errorf("the target has %s\nwant %v", got, r.withSums())
		}
	}, newStore(), transactional())
}
