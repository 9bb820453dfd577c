package expr

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// try compiles try(a, b, ...): the first that gives no error. A column that the shape lacks is an error here; a value that the log does
// not carry is a problem as anywhere else.
func (c *rowCompiler) try(x *hclsyntax.FunctionCallExpr) *eval.Node {
	if len(x.Args) == 0 {
		return c.fail(x.NameRange, "not enough function arguments", "try() takes at least one.")
	}
	var parts []*eval.Node
	for i, a := range x.Args {
		n, missing := c.attempt(a)
		if missing && i < len(x.Args)-1 {
			continue
		}
		if missing { // the last one
			n = c.compile(a)
		}
		if n == nil {
			return nil
		}
		parts = append(parts, n)
		if n.IsConstant() {
			break
		}
	}
	if len(parts) == 1 {
		n := *parts[0]
		n.Column = nil
		if n.IsConstant() {
			return parts[0]
		}
		parts[0] = &n
	}
	t := parts[0].Type
	for _, p := range parts[1:] {
		t = eval.Unify(t, p.Type)
	}
	n := &eval.Node{At: x.Range(), Type: t, Eval: func(f *eval.Frame) eval.Value {
		for i, p := range parts {
			v := p.Eval(f)
			if v.Kind != eval.Failed || eval.IsFinal(f.Err) || i == len(parts)-1 {
				return v
			}
			f.Err = nil
		}
		return eval.Value{Kind: eval.Failed}
	}}
	return c.fold(n, parts...)
}

// attempt compiles an argument of try or can. missing reports that its only problem is that the shape lacks a column.
func (c *rowCompiler) attempt(x hclsyntax.Expression) (n *eval.Node, missing bool) {
	before := len(c.diags)
	n = c.compile(x)
	if n != nil {
		return n, false
	}
	if len(c.diags) > before && !slices.ContainsFunc(c.diags[before:], func(d *hcl.Diagnostic) bool { return !isMissing(d) }) {
		c.diags = c.diags[:before]
		return nil, true
	}
	return nil, false
}

// can compiles can(a): whether it gives no error.
func (c *rowCompiler) can(x *hclsyntax.FunctionCallExpr) *eval.Node {
	if len(x.Args) != 1 {
		return c.fail(x.NameRange, "wrong number of function arguments", "can() takes one.")
	}
	part, missing := c.attempt(x.Args[0])
	if missing {
		return eval.Constant(eval.Bool(false), x.Range())
	}
	if part == nil {
		return nil
	}
	n := &eval.Node{At: x.Range(), Type: eval.BoolType, Eval: func(f *eval.Frame) eval.Value {
		v := part.Eval(f)
		if v.Kind != eval.Failed {
			return eval.Bool(true)
		}
		if eval.IsFinal(f.Err) {
			return v
		}
		f.Err = nil
		return eval.Bool(false)
	}}
	return c.fold(n, part)
}

// coalesce compiles coalesce(a, b, ...): the first that is not null.
func (c *rowCompiler) coalesce(x *hclsyntax.FunctionCallExpr) *eval.Node {
	if len(x.Args) == 0 || x.ExpandFinal {
		return c.fail(x.NameRange, "not enough function arguments", "coalesce() takes at least one value, one by one.")
	}
	parts, t := make([]*eval.Node, len(x.Args)), eval.NullType
	for i, a := range x.Args {
		if parts[i] = c.compile(a); parts[i] != nil {
			t = eval.Unify(t, parts[i].Type)
		}
	}
	if slices.Contains(parts, nil) {
		return nil
	}
	n := &eval.Node{At: x.Range(), Type: t, Eval: func(f *eval.Frame) eval.Value {
		for _, p := range parts {
			if v := p.Eval(f); v.Kind != eval.NullKind {
				return v
			}
		}
		return eval.Value{}
	}}
	return c.fold(n, parts...)
}
