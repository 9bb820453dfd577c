package postgres

import (
	"errors"
	"hash/maphash"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/arena"
)

// errOrder says that a row's changes do not follow each other as a source's do: only the serial path can say what that
// comes to.
var errOrder = errors.New("the changes of a row do not follow each other")

// The net effect of a run of changes on the row of one key. What the row was before the run is known from the first of
// them.
const (
	nothing  = iota // it came and went
	inserted        // it was not there, and is row by now
	updated         // it was there, and has the values of row that are given
	deleted         // it was there, and is gone
	replaced        // it was there, was deleted, and is row by now
)

// foldChunk is how many values a chunk of a fold's merged rows has.
const foldChunk = 2048

// effect is what becomes of one key.
type effect struct {
	kind   uint8
	hash   uint64
	key    []capture.Value // has the values of the key's columns
	before []capture.Value // the old row as the first change knew it; nil: only the key
	row    []capture.Value // the new row
}

// tableFold holds the effects on one table, in the order in which the keys came up.
type tableFold struct {
	plan    *plan
	effects []effect
	slots   []int32           // a hash table of effects: index + 1, 0 is free; its length is a power of two
	rows    [][]capture.Value // inserts into a table whose rows are not folded
}

// fold is the effect of a run of changes on all tables, in the order in which they came up.
type fold struct {
	tables []*tableFold
	spare  []*tableFold
	seed   maphash.Seed
	values arena.Arena[capture.Value]
	keep   bool // deletes are not applied
	side   int  // which of the two folds it is, for the plans
}

func newFold(keep bool, side int) *fold {
	return &fold{seed: maphash.MakeSeed(), keep: keep, side: side}
}

// reset makes the fold empty.
func (f *fold) reset() {
	for _, t := range f.tables {
		t.plan.effects[f.side] = nil
		clear(t.effects)
		clear(t.rows)
		clear(t.slots)
		t.effects, t.rows, t.plan = t.effects[:0], t.rows[:0], nil
		if len(t.slots) > 1<<17 {
			t.slots = nil
		}
		f.spare = append(f.spare, t)
	}
	f.tables = f.tables[:0]
	f.values.Reset(4)
}

// of finds the effects on a plan's table. It is false when another shape of the same table has some: they must be
// written before.
func (f *fold) of(p *plan) (*tableFold, bool) {
	if t := p.effects[f.side]; t != nil {
		return t, true
	}
	for _, t := range f.tables {
		if t.plan.name == p.name {
			return nil, false
		}
	}
	t := &tableFold{slots: make([]int32, 64)}
	if n := len(f.spare); n > 0 {
		t, f.spare = f.spare[n-1], f.spare[:n-1]
	}
	if t.slots == nil {
		t.slots = make([]int32, 64)
	}
	t.plan, p.effects[f.side] = p, t
	f.tables = append(f.tables, t)
	return t, true
}

// add folds a change in. It is false when the change cannot be: what is folded must be written, and then the change by
// itself.
func (f *fold) add(p *plan, c *capture.Change) (bool, error) {
	t, ok := f.of(p)
	if !ok {
		return false, nil
	}
	if !p.folds() {
		if c.Op != capture.Insert && c.Op != capture.Read {
			return false, nil
		}
		t.rows = append(t.rows, c.After)
		return true, nil
	}
	switch c.Op {
	case capture.Insert, capture.Read:
		return true, f.insert(t, c.After)
	case capture.Update:
		if p.keyChanged(c) {
			return f.move(t, c)
		}
		return true, f.update(t, c)
	default:
		if f.keep {
			return true, nil
		}
		return true, f.remove(t, old(c), c.Before)
	}
}

func (f *fold) insert(t *tableFold, row []capture.Value) error {
	e, there := t.find(f.seed, row)
	switch {
	case !there, e.kind == nothing, f.keep && e.kind != replaced:
		e.kind = inserted
	case e.kind == deleted:
		e.kind = replaced
	default:
		return errOrder
	}
	e.row = row
	return nil
}

func (f *fold) update(t *tableFold, c *capture.Change) error {
	e, there := t.find(f.seed, old(c))
	switch {
	case !there:
		e.kind, e.before, e.row = updated, c.Before, c.After
	case e.kind == nothing || e.kind == deleted:
		return errOrder
	default:
		e.row = f.merge(e.row, c.After)
	}
	return nil
}

func (f *fold) remove(t *tableFold, key, before []capture.Value) error {
	e, there := t.find(f.seed, key)
	switch {
	case !there:
		e.kind, e.before = deleted, before
	case e.kind == inserted:
		e.kind = nothing
	case e.kind == updated || e.kind == replaced:
		e.kind = deleted
	default:
		return errOrder
	}
	e.row = nil
	return nil
}

// move folds a change of the key: the row is deleted under the old one and inserted under the new one, where all of it is
// known and no other table of the target would hear of the delete.
func (f *fold) move(t *tableFold, c *capture.Change) (bool, error) {
	if t.plan.cascades {
		return false, nil
	}
	row := c.After
	if !whole(row) {
		e, there := t.look(f.seed, old(c))
		if there && e.row != nil {
			row = f.merge(e.row, row)
		}
		if !whole(row) {
			return false, nil
		}
	}
	if err := f.remove(t, old(c), c.Before); err != nil {
		return true, err
	}
	return true, f.insert(t, row)
}

// merge lays what is given of next over row.
func (f *fold) merge(row, next []capture.Value) []capture.Value {
	if whole(next) {
		return next
	}
	merged := f.values.Copy(next, foldChunk)
	for i := range merged {
		if !given(merged[i]) {
			merged[i] = row[i]
		}
	}
	return merged
}

// find returns the effect on a row's key, a new one when there is none.
func (t *tableFold) find(seed maphash.Seed, row []capture.Value) (e *effect, there bool) {
	h := t.hash(seed, row)
	slot, found := t.slot(h, row)
	if found {
		return &t.effects[t.slots[slot]-1], true
	}
	if 2*len(t.effects) >= len(t.slots) {
		t.grow()
		slot, _ = t.slot(h, row)
	}
	t.effects = append(t.effects, effect{hash: h, key: row})
	t.slots[slot] = int32(len(t.effects))
	return &t.effects[len(t.effects)-1], false
}

// look finds the effect on a row's key, and makes none.
func (t *tableFold) look(seed maphash.Seed, row []capture.Value) (e *effect, there bool) {
	slot, found := t.slot(t.hash(seed, row), row)
	if !found {
		return nil, false
	}
	return &t.effects[t.slots[slot]-1], true
}

func (t *tableFold) hash(seed maphash.Seed, row []capture.Value) uint64 {
	var h uint64
	for _, i := range t.plan.key {
		h = h*0x9e3779b97f4a7c15 + maphash.Bytes(seed, row[i].Bytes)
	}
	return h
}

// slot is where the effect on a row's key is, or would be.
func (t *tableFold) slot(h uint64, row []capture.Value) (slot int, found bool) {
	mask := uint64(len(t.slots) - 1)
	for s := h & mask; ; s = (s + 1) & mask {
		n := t.slots[s]
		if n == 0 {
			return int(s), false
		}
		if e := &t.effects[n-1]; e.hash == h && t.plan.sameKey(e.key, row) {
			return int(s), true
		}
	}
}

func (t *tableFold) grow() {
	t.slots = make([]int32, 2*len(t.slots))
	mask := uint64(len(t.slots) - 1)
	for i := range t.effects {
		s := t.effects[i].hash & mask
		for t.slots[s] != 0 {
			s = (s + 1) & mask
		}
		t.slots[s] = int32(i + 1)
	}
}
