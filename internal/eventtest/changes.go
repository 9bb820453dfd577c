package eventtest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// The positions of a case, which are the same in every run.
const (
	firstLSN capture.LSN = 0x1000000 // transaction n is at 0/1000000 + n * stepLSN
	stepLSN  capture.LSN = 0x100
)

var commitTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// annotationPrefix is the prefix of the messages that annotate their transaction, unless a source has another one.
const annotationPrefix = "tailrace.tx"

// positioned is a change of a block, with its place in the file.
type positioned struct {
	at     int
	change func() (capture.Change, bool)
}

// changes returns the changes of a case.
func (f *File) changes(blocks []transactionBlock) (all []capture.Change) {
	xid := uint32(0)
	for i := range blocks {
		b := &blocks[i]
		tx := &capture.Tx{LSN: firstLSN + stepLSN*capture.LSN(i+1), Time: commitTime}
		if f.isSnapshot(b) {
			tx.LSN-- // as the position of a snapshot's rows
		} else {
			xid++
			tx.XID = xid
		}
		all = append(all, f.transaction(tx, b)...)
	}
	return all
}

// isSnapshot reports whether a transaction block has rows of a snapshot, which no other change may stand next to.
func (f *File) isSnapshot(b *transactionBlock) bool {
	if len(b.Read) == 0 {
		return false
	}
	if len(b.Read) < len(f.inOrder(b)) || b.Annotations != nil {
		f.problemf(b.Read[0].Range, "Rows of a snapshot have a transaction block of their own, without annotations.",
			"a read is no part of a transaction")
	}
	return true
}

// transaction returns the changes of one transaction. A message that annotates it is one of them.
func (f *File) transaction(tx *capture.Tx, b *transactionBlock) (all []capture.Change) {
	add := func(c capture.Change) {
		if c.Op == capture.Message && c.Table.Name == annotationPrefix { // it has the annotations that it makes
			annotated := *tx
			annotated.Annotations = merge(tx.Annotations, c.After[0].Bytes)
			tx = &annotated
		}
		c.Tx, c.Seq = tx, uint64(len(all))
		all = append(all, c)
	}
	if text := f.annotations(b.Annotations); text != nil {
		add(f.messages.Change(annotationPrefix, text))
	}
	for _, p := range f.inOrder(b) {
		if c, ok := p.change(); ok {
			add(c)
		}
	}
	return all
}

// merge returns annotations with those that replace them.
func merge(was, next []byte) []byte {
	before, _ := parse(was)
	after, _ := parse(next)
	object, is := after.(map[string]any)
	if !is {
		return was // it is no annotation, and ignored
	}
	all := map[string]any{}
	if old, is := before.(map[string]any); is {
		maps.Copy(all, old)
	}
	maps.Copy(all, object)
	return compact(all)
}

// inOrder returns the changes of a transaction in the order of the file.
func (f *File) inOrder(b *transactionBlock) (all []positioned) {
	for op, list := range map[capture.Op][]changeBlock{
		capture.Insert: b.Insert, capture.Update: b.Update, capture.Delete: b.Delete, capture.Truncate: b.Truncate, capture.Read: b.Read,
	} {
		for i := range list {
			all = append(all, positioned{list[i].Range.Start.Byte, func() (capture.Change, bool) { return f.change(op, &list[i]) }})
		}
	}
	for i := range b.Message {
		m := &b.Message[i]
		all = append(all, positioned{m.Range.Start.Byte, func() (capture.Change, bool) { return f.message(m) }})
	}
	slices.SortFunc(all, func(a, b positioned) int { return cmp.Compare(a.at, b.at) })
	return all
}

// annotations returns the JSON object of a transaction's annotations.
func (f *File) annotations(x *config.Expression) []byte {
	if x == nil {
		return nil
	}
	v, ok := f.evaluate(x)
	if !ok {
		return nil
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil || len(text) == 0 || text[0] != '{' {
		f.problemf(x.Range(), `Write annotations = { user = "ann" }.`, "annotations is not an object")
		return nil
	}
	return text
}

// change returns the change of a block.
func (f *File) change(op capture.Op, b *changeBlock) (c capture.Change, ok bool) {
	c = capture.Change{Op: op, Table: f.Table(b.Table)}
	if c.Table == nil {
		f.unknownTable(b.Range, b.Table)
		return c, false
	}
	if !f.hasRows(op, b) {
		return c, false
	}
	row, ok1 := f.row(c.Table, b.Row)
	old, ok2 := f.row(c.Table, b.Old)
	if !ok1 || !ok2 {
		return c, false
	}
	var err error
	switch op {
	case capture.Insert, capture.Read:
		c.After, err = shape.Insert(c.Table, row)
	case capture.Update:
		c.Before, c.After, err = shape.Update(c.Table, old, row, b.Unchanged)
	case capture.Delete:
		c.Before, err = shape.Delete(c.Table, old)
	}
	if err != nil {
		f.problem(b.Range, err)
	}
	return c, err == nil
}

// hasRows checks that a change has the rows of its operation, and no others.
func (f *File) hasRows(op capture.Op, b *changeBlock) bool {
	needed := map[capture.Op]string{capture.Insert: "row", capture.Read: "row", capture.Update: "row", capture.Delete: "old"}[op]
	allowed := []string{needed}
	if op == capture.Update {
		allowed = []string{"row", "old", "unchanged"}
	}
	for _, name := range []string{"row", "old", "unchanged"} {
		if b.at.Given(name) && !slices.Contains(allowed, name) {
			f.problemf(b.at.At(name), "", "%s has no %s", article(op), name)
			return false
		}
	}
	if needed != "" && !b.at.Given(needed) {
		f.problemf(b.Range, "Write "+needed+" = { ... } with the values of its columns.", "%s has %s", article(op), needed)
		return false
	}
	return true
}

func article(op capture.Op) string {
	if op == capture.Insert || op == capture.Update {
		return "an " + op.String()
	}
	return "a " + op.String()
}

// row returns the values of a row; nil for nil.
func (f *File) row(t *capture.Table, x *config.Expression) (row shape.Row, ok bool) {
	if x == nil {
		return nil, true
	}
	v, ok := f.evaluate(x)
	if !ok {
		return nil, false
	}
	if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
		f.problemf(x.Range(), `Write { id = 1, status = "paid" }.`, "this is not an object")
		return nil, false
	}
	row = shape.Row{}
	values := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		nameAt, valueAt := placeOf(x, name)
		i := t.Column(name)
		if i < 0 {
			f.problem(nameAt, shape.UnknownColumn(t, name))
			ok = false
			continue
		}
		c := &t.Columns[i]
		value, err := shape.Value(c.Type, c.Modifier, values[name])
		if err != nil {
			f.problem(valueAt, err)
			ok = false
			continue
		}
		row[name] = value
	}
	return row, ok
}

// message returns a logical message.
func (f *File) message(b *messageBlock) (c capture.Change, ok bool) {
	if b.Content == nil { // reported
		return c, false
	}
	v, ok := f.evaluate(b.Content)
	if !ok {
		return c, false
	}
	text, err := shape.Content(v)
	if err != nil {
		f.problem(b.Content.Range(), err)
		return c, false
	}
	return f.messages.Change(b.Prefix, text), true
}
