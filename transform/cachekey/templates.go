package cachekey

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Templates are the keys of a block. They are not compiled for a table yet.
type Templates struct {
	rows     []*expr.Row
	prefixes []string
	complete bool // false: some are not known, in an offline check
}

// names are what a key may use: it is expanded on the old and on the new row alike, whatever the change is.
var names = expr.Names{Without: map[string]string{
	"old": "A key is expanded on the old and on the new row: write row for both.",
	"op":  "A row has the same keys whatever happens to it.",
	"tx":  "A row has the same keys in every transaction.",
}}

// NewList returns the templates of a list such as ["order:${row.id}"].
func NewList(e *config.Expression) (*Templates, hcl.Diagnostics) {
	list, ok := e.Syntax().(*hclsyntax.TupleConsExpr)
	if !ok || len(list.Exprs) == 0 {
		return &Templates{}, hcl.Diagnostics{rules.Fault(e.Range(), "keys is not a list of keys", `Write a list such as ["order:${row.id}"].`)}
	}
	var parts []*config.Expression
	for _, x := range list.Exprs {
		parts = append(parts, e.Part(x))
	}
	return newTemplates(parts)
}

// NewOne returns the template of one key.
func NewOne(e *config.Expression) (*Templates, hcl.Diagnostics) {
	return newTemplates([]*config.Expression{e})
}

func newTemplates(parts []*config.Expression) (*Templates, hcl.Diagnostics) {
	t := &Templates{complete: true}
	var diags hcl.Diagnostics
	for _, e := range parts {
		row, problems := expr.NewRow(e, names)
		diags = append(diags, problems...)
		prefix, problems := prefixOf(e)
		diags = append(diags, problems...)
		if row == nil || !e.Known() {
			t.complete = false
			continue
		}
		t.rows, t.prefixes = append(t.rows, row), append(t.prefixes, prefix)
	}
	return t, diags
}

// Complete reports whether all templates are known; one may not be in an offline check.
func (t *Templates) Complete() bool { return t.complete }

// Prefixes returns the texts that the keys begin with, in the order of the templates.
func (t *Templates) Prefixes() []string { return t.prefixes }

// prefixOf returns the text before the first part that depends on a row. The keys are swept by it, so there has to be one.
func prefixOf(e *config.Expression) (prefix string, diags hcl.Diagnostics) {
	parts := []hclsyntax.Expression{e.Syntax()}
	if t, is := e.Syntax().(*hclsyntax.TemplateExpr); is {
		parts = t.Parts
	}
	for _, x := range parts {
		part := e.Part(x)
		if part.CheckNames().HasErrors() {
			break
		}
		v, problems := part.Evaluate(x, nil)
		if problems.HasErrors() || !v.IsWhollyKnown() || v.IsNull() || v.Type() != cty.String {
			return prefix, problems
		}
		prefix += v.AsString()
	}
	if prefix == "" {
		diags = append(diags, rules.Fault(e.Range(), "the key begins with a value of the row",
			`Write a text before it, such as "order:${row.id}": the keys of the block are found by it when they have to be swept.`))
	}
	return prefix, diags
}
