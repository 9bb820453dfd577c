package cachekey

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Expander gives the keys of the changes of one shape of a table. One goroutine at a time may use it.
type Expander struct {
	old []*expr.Text
	new [capture.Message][]*expr.Text // by operation; nil for one without a new row
	in  expr.Input
	row capture.Change // the old row, as that of a delete
}

// Compile compiles the templates for a shape. Its Op does not matter.
func (t *Templates) Compile(s expr.Shape) (*Expander, hcl.Diagnostics) {
	x := &Expander{}
	var diags hcl.Diagnostics
	compile := func(op capture.Op) (texts []*expr.Text) {
		s.Op = op
		for _, r := range t.rows {
			text, problems := r.Text(s)
			texts, diags = append(texts, text), append(diags, problems...)
		}
		return texts
	}
	x.old = compile(capture.Delete)
	for _, op := range []capture.Op{capture.Insert, capture.Update, capture.Read} {
		x.new[op] = compile(op)
	}
	return x, rules.Once(diags)
}

// New returns the keys of the new row in the templates' order, nil for a null key; nil when the change has no new row.
func (x *Expander) New(dst [][]byte, c *capture.Change, texts *rules.Texts) ([][]byte, error) {
	if c.After == nil {
		return dst, nil
	}
	return x.expand(dst, x.new[c.Op], c, texts)
}

// Old returns the keys of the old row, as New does; none when the change has no old row, because there is none or because its keys
// are those of the new one.
func (x *Expander) Old(dst [][]byte, c *capture.Change, texts *rules.Texts) ([][]byte, error) {
	if c.Before == nil {
		return dst, nil
	}
	x.row = capture.Change{Tx: c.Tx, Seq: c.Seq, Op: capture.Delete, Table: c.Table, Before: c.Before}
	return x.expand(dst, x.old, &x.row, texts)
}

func (x *Expander) expand(dst [][]byte, by []*expr.Text, c *capture.Change, texts *rules.Texts) ([][]byte, error) {
	x.in.Change = c
	defer func() { x.in.Change = nil }()
	for _, text := range by {
		k, err := texts.Bytes(text, &x.in)
		if err != nil {
			return dst, err
		}
		dst = append(dst, k)
	}
	return dst, nil
}

// Contains reports whether a key is one of keys.
func Contains(keys [][]byte, k []byte) bool {
	for _, other := range keys {
		if bytes.Equal(other, k) && (other == nil) == (k == nil) {
			return true
		}
	}
	return false
}
