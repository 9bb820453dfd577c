package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Template is a text that depends on a table, such as a topic "cdc.${table.schema}.${table.name}". Locals, env() and file() in it
// were evaluated when the file was loaded. It is safe for concurrent use.
type Template struct {
	parts []part
}

// part is a fixed text, or, where eval is set, one that depends on the table.
type part struct {
	text string
	eval func(schema, name string) (string, error)
}

// ParseTemplate returns a template from the text between the quotes, with the usual functions and without locals, env() and
// file().
func ParseTemplate(text string) (*Template, error) {
	e, diags := hclsyntax.ParseTemplate([]byte(text), "template", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, fmt.Errorf("parse template: %w", diags)
	}
	l := newLoader(Kinds{}, Options{})
	l.report.sources["template"] = []byte(text)
	l.functions = stdFunctions
	t, ok := l.template(e)
	if !ok {
		return nil, fmt.Errorf("parse template: %w", l.report.Diagnostics)
	}
	return t, nil
}

// Eval returns the text for a table. It evaluates the functions of the template, so call it once per table, not once per row.
func (t *Template) Eval(schema, name string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		text := p.text
		if p.eval != nil {
			var err error
			if text, err = p.eval(schema, name); err != nil {
				return "", err
			}
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// Constant returns the text of a template that does not depend on the table.
func (t *Template) Constant() (string, bool) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.eval != nil {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), true
}

// Pattern matches every text the template can give, as a whole; it may match others.
func (t *Template) Pattern() *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, p := range t.parts {
		if p.eval != nil {
			b.WriteString(`.*`)
		} else {
			b.WriteString(regexp.QuoteMeta(p.text))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// template reads an expression as a template; nil for null. ok is false where it is unknown, or reported.
func (l *loader) template(e hclsyntax.Expression) (t *Template, ok bool) {
	if !l.tableNames(e) {
		return nil, false
	}
	ctx, ok := l.context(e, "table", "row", "old")
	if !ok {
		return nil, false
	}
	if !usesTable(e) {
		return l.constant(e)
	}
	// For any table: is it a string, and is all of it known?
	if _, _, diags := evalTable(e, ctx, cty.UnknownVal(cty.String), cty.UnknownVal(cty.String)); diags.HasErrors() {
		l.report.append(l.translate(diags)...)
		return nil, false
	}
	if _, known, _ := evalTable(e, ctx, cty.StringVal("s"), cty.StringVal("t")); !known && l.options.Offline {
		return nil, false
	}
	t = &Template{}
	l.split(e, ctx, t)
	return t, true
}

func (l *loader) constant(e hclsyntax.Expression) (*Template, bool) {
	v, taint, ok := l.evaluate(e)
	if !ok || !v.IsWhollyKnown() {
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	l.addSecrets(v, taint)
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		l.report.append(problem(e.Range(), "this is not a text", `Write a string such as "cdc.${table.schema}.${table.name}".`))
		return nil, false
	}
	return &Template{parts: []part{{text: s.AsString()}}}, true
}

// split splits a quoted template into its parts, and evaluates now what does not depend on the table.
func (l *loader) split(e hclsyntax.Expression, ctx *hcl.EvalContext, t *Template) {
	switch e := e.(type) {
	case *hclsyntax.TemplateExpr:
		for _, p := range e.Parts {
			l.split(p, ctx, t)
		}
		return
	case *hclsyntax.TemplateWrapExpr:
		l.split(e.Wrapped, ctx, t)
		return
	}
	eval := func(schema, name string) (string, error) {
		s, _, diags := evalTable(e, ctx, cty.StringVal(schema), cty.StringVal(name))
		if diags.HasErrors() {
			return "", fmt.Errorf("evaluate template at %s: %s", where(e.Range()), l.translate(diags)[0].Summary)
		}
		return s, nil
	}
	if usesTable(e) {
		t.parts = append(t.parts, part{eval: eval})
	} else if s, err := eval("", ""); err == nil {
		t.parts = append(t.parts, part{text: s})
	}
}

func evalTable(e hclsyntax.Expression, ctx *hcl.EvalContext, schema, name cty.Value) (string, bool, hcl.Diagnostics) {
	child := ctx.NewChild()
	child.Variables = map[string]cty.Value{"table": cty.ObjectVal(map[string]cty.Value{"schema": schema, "name": name})}
	v, diags := e.Value(child)
	if diags.HasErrors() {
		return "", false, diags
	}
	v, _ = v.UnmarkDeep()
	s, err := convert.Convert(v, cty.String)
	if err == nil && s.IsNull() {
		err = errors.New("null")
	}
	if err != nil {
		return "", false, hcl.Diagnostics{problem(e.Range(), "this does not give a text",
			`Write a string such as "cdc.${table.schema}.${table.name}".`)}
	}
	if !s.IsKnown() {
		return "", false, nil
	}
	return s.AsString(), true, nil
}

func usesTable(e hclsyntax.Expression) bool {
	return slices.ContainsFunc(e.Variables(), func(t hcl.Traversal) bool { return t.RootName() == "table" })
}

// tableNames checks what a template reads of a table, and refuses rows.
func (l *loader) tableNames(e hclsyntax.Expression) bool {
	ok := true
	for _, t := range e.Variables() {
		switch root := t.RootName(); root {
		case "row", "old":
			l.report.append(problem(t.SourceRange(), "row values are not known here",
				"A topic that depends on a row's values belongs to a block of its own, and those are not supported by this "+
					"version. This template knows table.schema and table.name."))
			ok = false
		case "table":
			ok = l.tableName(t) && ok
		}
	}
	return ok
}

func (l *loader) tableName(t hcl.Traversal) bool {
	known := []string{"name", "schema"}
	detail := "A table has table.schema and table.name."
	if len(t) > 1 {
		step, isAttr := t[1].(hcl.TraverseAttr)
		if isAttr && len(t) == 2 && slices.Contains(known, step.Name) {
			return true
		}
		if s := nearest(step.Name, known); isAttr && s != "" {
			detail = `Did you mean "table.` + s + `"?`
		}
	}
	l.report.append(problem(t.SourceRange(), "this is not known of a table", detail))
	return false
}
