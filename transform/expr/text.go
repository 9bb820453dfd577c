package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// Text is a compiled expression whose result is a text: a key, a topic, a header. One goroutine at a time may use it.
type Text struct {
	compiled
	text func(*eval.Frame, []byte) (out []byte, null bool)
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
	return &Text{*p, text}, nil
}

// Append appends the text to dst. null reports that the result is null, and nothing was appended. With an error, dst is returned as
// it was.
func (t *Text) Append(dst []byte, in *Input) (out []byte, null bool, err error) {
	f := t.frame
	if !f.Begin(&t.program, in) {
		return dst, false, f.End()
	}
	out, null = t.text(f, dst)
	f.Bounded(len(out) - len(dst))
	if err := f.End(); err != nil {
		return dst, false, err
	}
	return out, null, nil
}

// Constant returns the text when it is the same for every row of the shape. A constant null has none.
func (t *Text) Constant() (text string, ok bool) {
	if !t.program.Node.IsConstant() || t.program.Node.Value.Kind == eval.NullKind {
		return "", false
	}
	out, _ := t.program.Node.AppendText(eval.Scratch(0), nil)
	return string(out), true
}
