package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// Text is a compiled expression whose result is a text: a key, a topic, a header. One goroutine at a time may use it.
type Text struct {
	column int // of the row, whose text is the text; -1: text appends it
	text   func(*eval.Frame, []byte) (out []byte, null bool)
	compiled
}

// Text compiles the expression for a shape. Numbers, booleans and any other scalar become the text that a template gives.
func (r *Row) Text(s Shape) (*Text, hcl.Diagnostics) {
	p, diags := r.prepare(s, func(c *rowCompiler) *eval.Node {
		n := c.compile(r.expr.Syntax())
		if n == nil || !c.scalar(n) {
			return nil
		}
		return n
	})
	if p == nil {
		return nil, diags
	}
	text := p.program.Node.EvalText
	if text == nil {
		text = p.program.Node.AppendText
	}
	column := -1
	if n := p.program.Node; n.Column != nil && n.Column.Source == eval.OfRow && n.EvalText != nil && sameText(n.Type) {
		column = n.Column.Index
	}
	return &Text{column, text, *p}, nil
}

// Append appends the text to dst. null reports that the result is null, and nothing was appended. With an error, dst is returned as
// it was.
func (t *Text) Append(dst []byte, in *Input) (out []byte, null bool, err error) {
	f := t.frame
	if !f.Begin(&t.program, in) {
		return dst, false, f.End()
	}
	if v := t.direct(f); v != nil {
		out = append(dst, v.Bytes...)
	} else {
		out, null = t.text(f, dst)
	}
	f.Bounded(len(out) - len(dst))
	if err := f.End(); err != nil {
		return dst, false, err
	}
	return out, null, nil
}

// direct returns the value that is the text; nil if text has to be called.
func (t *Text) direct(f *eval.Frame) *capture.Value {
	if t.column < 0 {
		return nil
	}
	if v := &f.Row[t.column]; v.Kind == capture.Text && f.Bounded(len(v.Bytes)) {
		return v
	}
	return nil
}

// Constant returns the text when it is the same for every row of the shape. A constant null has none.
func (t *Text) Constant() (text string, ok bool) {
	if !t.program.Node.IsConstant() || t.program.Node.Value.Kind == eval.NullKind {
		return "", false
	}
	out, _ := t.program.Node.AppendText(eval.Scratch(0), nil)
	return string(out), true
}
