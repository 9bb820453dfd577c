package expr

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// Condition is a compiled expression whose result is true or false. One goroutine at a time may use it.
type Condition struct {
	tests []eval.Test // nil: eval decides
	eval  func(*eval.Frame) eval.Value
	compiled
}

// Condition compiles the expression for a shape. A null result is false.
func (r *Row) Condition(s Shape) (*Condition, hcl.Diagnostics) {
	s.Unchanged = Refuse
	p, diags := r.prepare(s, func(c *rowCompiler) *eval.Node {
		n := c.compile(r.expr.Syntax())
		if n == nil || !c.boolean(n) {
			return nil
		}
		return n
	})
	if p == nil {
		return nil, diags
	}
	c := &Condition{compiled: *p}
	if contradict(c.Requires()) {
		c.program.Node = eval.Constant(eval.Bool(false), c.program.Node.At)
	}
	c.eval, c.tests = c.program.Node.Eval, c.program.Node.Tests
	return c, nil
}

// Holds evaluates the condition. An error is one of the values, such as a division by zero, or a *capture.Problem: the row lacks a
// value that the shape promises.
func (c *Condition) Holds(in *Input) (bool, error) {
	f := c.frame
	if !f.Begin(&c.program, in) {
		return false, f.End()
	}
	if c.tests != nil {
		return f.Pass(c.tests) && f.Err == nil, f.End()
	}
	v := c.eval(f)
	if v.Kind != eval.BoolKind {
		v = f.Bool(v, c.program.Node)
	}
	return v.IsTrue(), f.End()
}

// Constant returns the result when it is the same for every row of the shape.
func (c *Condition) Constant() (holds, ok bool) {
	if !c.program.Node.IsConstant() {
		return false, false
	}
	return c.program.Node.Value.IsTrue(), true
}

// Requires returns equalities of which each is necessary for the condition to hold, so that many conditions can be selected by one
// lookup. A column whose values can be equal without having the same text is in none.
func (c *Condition) Requires() []Equality { return c.program.Node.Equalities(nil) }

// contradict reports whether a column would need two values at once.
func contradict(list []Equality) bool {
	texts := map[int]string{}
	for _, e := range list {
		if text, ok := texts[e.Column]; ok && text != e.Text {
			return true
		}
		texts[e.Column] = e.Text
	}
	return false
}

// Equality is a requirement of a condition: the text of the value of a column of the new row (of the old one for a delete).
type Equality = eval.Equality
