package budget

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// part is a part of an expression that takes what it gives from the budget. Its methods but Value are those of the part.
type part struct {
	hclsyntax.Expression
	budget *budget
	made   bool // it makes a value; otherwise it reads one
}

// Value evaluates the part, unless nothing of the budget is left.
func (p *part) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if p.budget.stopped {
		return cty.DynamicVal, nil
	}
	v, diags := p.Expression.Value(ctx)
	if !p.budget.stopped && !p.budget.charge(v, p.made) {
		return p.budget.exhaust(p.Range())
	}
	return v, diags
}

func (b *budget) makes(x hclsyntax.Expression) hclsyntax.Expression { return &part{x, b, true} }

// guard returns a copy of an expression whose parts take what they give from the budget.
func (b *budget) guard(x hclsyntax.Expression) hclsyntax.Expression {
	switch x := x.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return &part{x, b, false}
	case *hclsyntax.RelativeTraversalExpr:
		c := *x
		c.Source = b.guard(x.Source)
		return &part{&c, b, false}
	case *hclsyntax.IndexExpr:
		c := *x
		c.Collection, c.Key = b.guard(x.Collection), b.guard(x.Key)
		return &part{&c, b, false}
	case *hclsyntax.ParenthesesExpr:
		return b.guard(x.Expression)
	case *hclsyntax.TemplateWrapExpr:
		c := *x
		c.Wrapped = b.guard(x.Wrapped)
		return &c
	case *hclsyntax.ConditionalExpr:
		c := *x
		c.Condition, c.TrueResult, c.FalseResult = b.guard(x.Condition), b.guard(x.TrueResult), b.guard(x.FalseResult)
		return &part{&c, b, false}
	case *hclsyntax.BinaryOpExpr:
		c := *x
		c.LHS, c.RHS = b.guard(x.LHS), b.guard(x.RHS)
		return b.makes(&c)
	case *hclsyntax.UnaryOpExpr:
		c := *x
		c.Val = b.guard(x.Val)
		return b.makes(&c)
	case *hclsyntax.FunctionCallExpr:
		c := *x
		c.Args = b.all(x.Args)
		return b.makes(&c)
	}
	return b.guardCollection(x)
}

// guardCollection is guard for what makes texts, lists and objects. What is left, literals and the element of a splat, stays.
func (b *budget) guardCollection(x hclsyntax.Expression) hclsyntax.Expression {
	switch x := x.(type) {
	case *hclsyntax.TemplateExpr:
		c := *x
		c.Parts = make([]hclsyntax.Expression, len(x.Parts))
		for i, p := range x.Parts { // before they are joined
			c.Parts[i] = b.makes(b.guard(p))
		}
		return b.makes(&c)
	case *hclsyntax.TemplateJoinExpr:
		c := *x
		c.Tuple = b.guard(x.Tuple)
		return b.makes(&c)
	case *hclsyntax.TupleConsExpr:
		c := *x
		c.Exprs = b.all(x.Exprs)
		return b.makes(&c)
	case *hclsyntax.ObjectConsExpr:
		c := *x
		c.Items = make([]hclsyntax.ObjectConsItem, len(x.Items))
		for i, item := range x.Items {
			c.Items[i] = hclsyntax.ObjectConsItem{KeyExpr: b.key(item.KeyExpr), ValueExpr: b.guard(item.ValueExpr)}
		}
		return b.makes(&c)
	case *hclsyntax.ForExpr:
		return b.loop(x)
	case *hclsyntax.SplatExpr:
		c := *x
		c.Source, c.Each = b.guard(x.Source), b.makes(b.guard(x.Each))
		return b.makes(&c)
	}
	return x
}

// loop guards a for. Its body takes from the budget for each element, whatever it is: when nothing is left, the loops inside of it have
// no elements.
func (b *budget) loop(x *hclsyntax.ForExpr) hclsyntax.Expression {
	c := *x
	c.CollExpr, c.ValExpr = b.guard(x.CollExpr), b.makes(b.guard(x.ValExpr))
	if x.KeyExpr != nil {
		c.KeyExpr = b.makes(b.guard(x.KeyExpr))
	}
	if x.CondExpr != nil {
		c.CondExpr = b.makes(b.guard(x.CondExpr))
	}
	return b.makes(&c)
}

func (b *budget) all(list []hclsyntax.Expression) []hclsyntax.Expression {
	guarded := make([]hclsyntax.Expression, len(list))
	for i, x := range list {
		guarded[i] = b.guard(x)
	}
	return guarded
}

// key guards the key of an object. A name stays as it is: HCL finds it in the tree.
func (b *budget) key(x hclsyntax.Expression) hclsyntax.Expression {
	k, is := x.(*hclsyntax.ObjectConsKeyExpr)
	if !is {
		return b.guard(x)
	}
	if _, name := k.Wrapped.(*hclsyntax.ScopeTraversalExpr); name {
		return x
	}
	c := *k
	c.Wrapped = b.guard(k.Wrapped)
	return &c
}
