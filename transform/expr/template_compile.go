package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tailrace/tailrace/config"
)

// Limits on an expression. Package config limits how deep it is nested before it is parsed.
const (
	maxNodes = 10_000   // nodes of the syntax tree
	maxText  = 64 << 10 // bytes of a text
)

// part is a piece of a text: constant, or, where eval is set, dependent on the names of the scope.
type part struct {
	text string
	eval func(env) (string, hcl.Diagnostics)
}

// compiler compiles an expression that gives a text.
type compiler struct {
	expr  *config.Expression
	scope *scope
}

// check reports names that the scope does not have, and a result that cannot be a text, whatever the values of the names are.
func (c compiler) check() hcl.Diagnostics {
	if diags := c.checkSize(); diags.HasErrors() {
		return diags
	}
	if diags := c.scope.check(c.expr); diags.HasErrors() {
		return diags
	}
	_, diags := c.evaluate(c.expr.Syntax(), c.scope.unknown())
	return diags
}

// checkSize reports the first node of the syntax tree that is one too many.
func (c compiler) checkSize() (diags hcl.Diagnostics) {
	nodes := 0
	_ = hclsyntax.VisitAll(c.expr.Syntax(), func(n hclsyntax.Node) hcl.Diagnostics {
		if nodes++; nodes == maxNodes+1 {
			diags = append(diags, problem(n.Range(), "the expression is too long", fmt.Sprintf(
				"It has more than %d values, names and operators. Move what does not depend on the table into locals.", maxNodes)))
		}
		return nil
	})
	return diags
}

// compile splits a part of the expression at the interpolations of its templates, and appends the pieces to parts.
func (c compiler) compile(x hclsyntax.Expression, parts []part) ([]part, hcl.Diagnostics) {
	switch x := x.(type) {
	case *hclsyntax.TemplateExpr:
		for _, inner := range x.Parts {
			var diags hcl.Diagnostics
			if parts, diags = c.compile(inner, parts); diags.HasErrors() {
				return parts, diags
			}
		}
		return parts, nil
	case *hclsyntax.TemplateWrapExpr:
		return c.compile(x.Wrapped, parts)
	case *hclsyntax.ParenthesesExpr:
		return c.compile(x.Expression, parts)
	case *hclsyntax.ScopeTraversalExpr:
		if r := c.scope.root(x.Traversal.RootName()); r != nil {
			get := r.attr(x.Traversal).get
			return append(parts, part{eval: func(e env) (string, hcl.Diagnostics) { return get(e), nil }}), nil
		}
	}
	if c.scope.uses(x) {
		return append(parts, part{eval: func(e env) (string, hcl.Diagnostics) { return c.evaluate(x, c.scope.known(e)) }}), nil
	}
	text, diags := c.evaluate(x, nil)
	return append(parts, part{text: text}), diags
}

// evaluate returns the text of a part of the expression by HCL's evaluator; "" where a name that it uses is unknown.
func (c compiler) evaluate(x hclsyntax.Expression, names map[string]cty.Value) (string, hcl.Diagnostics) {
	v, diags := c.expr.Evaluate(x, names)
	if diags.HasErrors() {
		return "", diags
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() {
		summary := "this is not a text"
		if c.scope.uses(x) {
			summary = "this does not give a text"
		}
		return "", hcl.Diagnostics{problem(x.Range(), summary, `Write a string such as "cdc.${table.schema}.${table.name}".`)}
	}
	if !s.IsKnown() {
		return "", nil
	}
	return within(s.AsString(), x)
}

// within returns a text unless it is longer than maxText.
func within(text string, x hclsyntax.Expression) (string, hcl.Diagnostics) {
	if len(text) > maxText {
		return "", hcl.Diagnostics{problem(x.Range(), "the text is too long",
			fmt.Sprintf("It has %d bytes; a text of a template has at most %d.", len(text), maxText))}
	}
	return text, nil
}
