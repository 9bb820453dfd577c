package expr

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// try compiles try(a, b, ...): the first that gives no error. A column that the shape lacks is an error here; a value that the log does
// not carry is a problem as anywhere else.
func (c *rowCompiler) try(x *hclsyntax.FunctionCallExpr) *node {
	if len(x.Args) == 0 {
		return c.fail(x.NameRange, "not enough function arguments", "try() takes at least one.")
	}
	var parts []*node
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
		if n.constant() {
			break
		}
	}
	if len(parts) == 1 {
		n := *parts[0]
		n.column = nil
		if n.constant() {
			return parts[0]
		}
		parts[0] = &n
	}
	t := parts[0].typ
	for _, p := range parts[1:] {
		t = unify(t, p.typ)
	}
	n := &node{at: x.Range(), typ: t, eval: func(f *frame) val {
		for i, p := range parts {
			v := p.eval(f)
			if v.kind != failed || isFinal(f.err) || i == len(parts)-1 {
				return v
			}
			f.err = nil
		}
		return val{kind: failed}
	}}
	return c.fold(n, parts...)
}

// attempt compiles an argument of try or can. missing reports that its only problem is that the shape lacks a column.
func (c *rowCompiler) attempt(x hclsyntax.Expression) (n *node, missing bool) {
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
func (c *rowCompiler) can(x *hclsyntax.FunctionCallExpr) *node {
	if len(x.Args) != 1 {
		return c.fail(x.NameRange, "wrong number of function arguments", "can() takes one.")
	}
	part, missing := c.attempt(x.Args[0])
	if missing {
		return constant(boolVal(false), x.Range())
	}
	if part == nil {
		return nil
	}
	n := &node{at: x.Range(), typ: boolType, eval: func(f *frame) val {
		v := part.eval(f)
		if v.kind != failed {
			return boolVal(true)
		}
		if isFinal(f.err) {
			return v
		}
		f.err = nil
		return boolVal(false)
	}}
	return c.fold(n, part)
}

// coalesce compiles coalesce(a, b, ...): the first that is not null.
func (c *rowCompiler) coalesce(x *hclsyntax.FunctionCallExpr) *node {
	if len(x.Args) == 0 || x.ExpandFinal {
		return c.fail(x.NameRange, "not enough function arguments", "coalesce() takes at least one value, one by one.")
	}
	parts, t := make([]*node, len(x.Args)), nullType
	for i, a := range x.Args {
		if parts[i] = c.compile(a); parts[i] != nil {
			t = unify(t, parts[i].typ)
		}
	}
	if slices.Contains(parts, nil) {
		return nil
	}
	n := &node{at: x.Range(), typ: t, eval: func(f *frame) val {
		for _, p := range parts {
			if v := p.eval(f); v.kind != nullKind {
				return v
			}
		}
		return val{}
	}}
	return c.fold(n, parts...)
}
