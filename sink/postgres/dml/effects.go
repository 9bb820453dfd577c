package dml

import (
	"errors"
	"hash/maphash"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/arena"
)

// ErrOrder means that the changes of a row do not follow each other as they do in a source, such as two inserts. Their effect is
// only known when they are applied one by one.
var ErrOrder = errors.New("the changes of a row do not follow each other")

// The net effect of consecutive changes on the row of one key. The first of them tells whether the row existed before.
const (
	nothing  = iota // inserted and deleted
	Inserted        // it did not exist, and is Row now
	Updated         // it existed, and has the given values of Row now
	Deleted         // it existed, and is deleted
	Replaced        // it existed, was deleted, and is Row now
)

// arenaChunk is the number of values in a chunk of the arena of merged rows.
const arenaChunk = 2048

// Effect is the net effect of changes on one key.
type Effect struct {
	Kind   uint8
	hash   uint64
	Key    []capture.Value // has the values of the key's columns
	Before []capture.Value // the old row as the first change has it; nil: only the key is known
	Row    []capture.Value // the new row
}

// TableEffects holds the effects on one table, in the order in which their keys first occur.
type TableEffects struct {
	Plan    *Plan
	Effects []Effect
	slots   []int32           // hash table of indexes of Effects + 1; 0 is free; the length is a power of two
	Rows    [][]capture.Value // new rows of a table whose changes cannot be combined
}

// Effects holds the net effect of consecutive changes on all tables, in the order in which the tables first occur.
type Effects struct {
	Tables      []*TableEffects
	spare       []*TableEffects
	seed        maphash.Seed
	values      arena.Arena[capture.Value]
	keepDeletes bool // deletes are not applied
	slot        int  // 0 or 1: which of the two Effects that plans refer to
}

// NewEffects returns empty Effects. slot is 0 or 1: a plan refers to the effects of two groups at a time.
func NewEffects(keepDeletes bool, slot int) *Effects {
	return &Effects{seed: maphash.MakeSeed(), keepDeletes: keepDeletes, slot: slot}
}

// Reset removes all effects.
func (f *Effects) Reset() {
	for _, t := range f.Tables {
		t.Plan.effects[f.slot] = nil
		clear(t.Effects)
		clear(t.Rows)
		clear(t.slots)
		t.Effects, t.Rows, t.Plan = t.Effects[:0], t.Rows[:0], nil
		if len(t.slots) > 1<<17 {
			t.slots = nil
		}
		f.spare = append(f.spare, t)
	}
	f.Tables = f.Tables[:0]
	f.values.Reset(4)
}

// table returns the effects on a plan's table. It is false when another shape of the same table has effects, which must be
// written first.
func (f *Effects) table(p *Plan) (*TableEffects, bool) {
	if t := p.effects[f.slot]; t != nil {
		return t, true
	}
	for _, t := range f.Tables {
		if t.Plan.Name == p.Name {
			return nil, false
		}
	}
	t := &TableEffects{slots: make([]int32, 64)}
	if n := len(f.spare); n > 0 {
		t, f.spare = f.spare[n-1], f.spare[:n-1]
	}
	if t.slots == nil {
		t.slots = make([]int32, 64)
	}
	t.Plan, p.effects[f.slot] = p, t
	f.Tables = append(f.Tables, t)
	return t, true
}

// Add adds a change. It returns false when the change cannot be combined with others: then the effects must be written, and
// after them the change by itself.
func (f *Effects) Add(p *Plan, c *capture.Change) (bool, error) {
	t, ok := f.table(p)
	if !ok {
		return false, nil
	}
	if !p.Foldable() {
		if c.Op != capture.Insert && c.Op != capture.Read {
			return false, nil
		}
		t.Rows = append(t.Rows, c.After)
		return true, nil
	}
	switch c.Op {
	case capture.Insert, capture.Read:
		return true, f.insert(t, c.After)
	case capture.Update:
		if p.KeyChanged(c) {
			return f.move(t, c)
		}
		return true, f.update(t, c)
	default:
		if f.keepDeletes {
			return true, nil
		}
		return true, f.remove(t, OldRow(c), c.Before)
	}
}

func (f *Effects) insert(t *TableEffects, row []capture.Value) error {
	e, there := t.findOrAdd(f.seed, row)
	switch {
	case !there, e.Kind == nothing, f.keepDeletes && e.Kind != Replaced:
		e.Kind = Inserted
	case e.Kind == Deleted:
		e.Kind = Replaced
	default:
		return ErrOrder
	}
	e.Row = row
	return nil
}

func (f *Effects) update(t *TableEffects, c *capture.Change) error {
	e, there := t.findOrAdd(f.seed, OldRow(c))
	switch {
	case !there:
		e.Kind, e.Before, e.Row = Updated, c.Before, c.After
	case e.Kind == nothing || e.Kind == Deleted:
		return ErrOrder
	default:
		e.Row = f.merge(e.Row, c.After)
	}
	return nil
}

func (f *Effects) remove(t *TableEffects, key, before []capture.Value) error {
	e, there := t.findOrAdd(f.seed, key)
	switch {
	case !there:
		e.Kind, e.Before = Deleted, before
	case e.Kind == Inserted:
		e.Kind = nothing
	case e.Kind == Updated || e.Kind == Replaced:
		e.Kind = Deleted
	default:
		return ErrOrder
	}
	e.Row = nil
	return nil
}

// move adds an update of the key as a delete and an insert. That is possible where the complete row is known and the delete does
// not cascade to other tables of the target.
func (f *Effects) move(t *TableEffects, c *capture.Change) (bool, error) {
	if t.Plan.cascades {
		return false, nil
	}
	row := c.After
	if !Complete(row) {
		e, there := t.find(f.seed, OldRow(c))
		if there && e.Row != nil {
			row = f.merge(e.Row, row)
		}
		if !Complete(row) {
			return false, nil
		}
	}
	if err := f.remove(t, OldRow(c), c.Before); err != nil {
		return true, err
	}
	return true, f.insert(t, row)
}

// merge returns next, with the values that it lacks taken from row.
func (f *Effects) merge(row, next []capture.Value) []capture.Value {
	if Complete(next) {
		return next
	}
	merged := f.values.Copy(next, arenaChunk)
	for i := range merged {
		if !Given(merged[i]) {
			merged[i] = row[i]
		}
	}
	return merged
}

// findOrAdd returns the effect on a row's key; it adds one when there is none.
func (t *TableEffects) findOrAdd(seed maphash.Seed, row []capture.Value) (e *Effect, there bool) {
	h := t.hash(seed, row)
	slot, found := t.slot(h, row)
	if found {
		return &t.Effects[t.slots[slot]-1], true
	}
	if 2*len(t.Effects) >= len(t.slots) {
		t.grow()
		slot, _ = t.slot(h, row)
	}
	t.Effects = append(t.Effects, Effect{hash: h, Key: row})
	t.slots[slot] = int32(len(t.Effects))
	return &t.Effects[len(t.Effects)-1], false
}

// find returns the effect on a row's key, if there is one.
func (t *TableEffects) find(seed maphash.Seed, row []capture.Value) (e *Effect, there bool) {
	slot, found := t.slot(t.hash(seed, row), row)
	if !found {
		return nil, false
	}
	return &t.Effects[t.slots[slot]-1], true
}

func (t *TableEffects) hash(seed maphash.Seed, row []capture.Value) uint64 {
	var h uint64
	for _, i := range t.Plan.Key {
		h = h*0x9e3779b97f4a7c15 + maphash.Bytes(seed, row[i].Bytes)
	}
	return h
}

// slot returns the index in slots where the effect on a row's key is, or would be.
func (t *TableEffects) slot(h uint64, row []capture.Value) (slot int, found bool) {
	mask := uint64(len(t.slots) - 1)
	for s := h & mask; ; s = (s + 1) & mask {
		n := t.slots[s]
		if n == 0 {
			return int(s), false
		}
		if e := &t.Effects[n-1]; e.hash == h && t.Plan.sameKey(e.Key, row) {
			return int(s), true
		}
	}
}

func (t *TableEffects) grow() {
	t.slots = make([]int32, 2*len(t.slots))
	mask := uint64(len(t.slots) - 1)
	for i := range t.Effects {
		s := t.Effects[i].hash & mask
		for t.slots[s] != 0 {
			s = (s + 1) & mask
		}
		t.slots[s] = int32(i + 1)
	}
}
