package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config/budget"
	"github.com/tailrace/tailrace/config/functions"
)

// Expression is an attribute that Load keeps instead of evaluating it: it depends on a table or on a row. Package config knows no
// names of tables or rows, so the settings that have the field also decide which names it may use: their CheckSettings passes it to
// package transform/expr, which reports what is wrong with it and compiles it.
//
// Load has already checked the locals and functions that it uses. An expression that uses no other names is evaluated at once, so
// that its errors are reported and null counts as missing. Except for CheckNames, any goroutine may call the methods.
type Expression struct {
	syntax hclsyntax.Expression
	ctx    *hcl.EvalContext
	loader *loader
	sound  bool // no problem has been reported
	known  bool
	secret bool
}

// Syntax returns the syntax tree. It must not be modified.
func (e *Expression) Syntax() hclsyntax.Expression { return e.syntax }

// Range returns the place of the expression.
func (e *Expression) Range() hcl.Range { return e.syntax.Range() }

// Known reports whether every local, environment variable and file that the expression uses has a value. One has none in an offline
// check, or when its problem was reported.
func (e *Expression) Known() bool { return e.known }

// Secret reports whether the expression uses env(), file(), or a local that does. The texts that it gives may then be secrets.
func (e *Expression) Secret() bool { return e.secret }

// Text returns the expression as the file has it.
func (e *Expression) Text() string {
	r := e.Range()
	src := e.loader.report.sources[r.Filename]
	return string(src[min(r.Start.Byte, len(src)):min(r.End.Byte, len(src))])
}

// Part returns a part of the expression's syntax tree as an expression of its own, such as the value of one attribute of an object.
// It is known if all of the expression is, and secret if any of it is.
func (e *Expression) Part(x hclsyntax.Expression) *Expression {
	part := *e
	part.syntax = x
	return &part
}

// Format prints the place, under every verb: the locals in the struct may be secrets.
func (e *Expression) Format(f fmt.State, _ rune) {
	if e == nil {
		_, _ = f.Write([]byte("<nil>"))
		return
	}
	_, _ = f.Write([]byte("expression at " + where(e.Range())))
}

// CheckNames reports every name that the expression uses and that is neither "local" nor one of more. CheckSettings may call it.
func (e *Expression) CheckNames(more ...string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, t := range e.syntax.Variables() {
		if name := t.RootName(); name != "local" && !slices.Contains(more, name) {
			diags = append(diags, e.loader.unknownName(t, more))
		}
	}
	return diags
}

// HasFunction reports whether there is a function of that name. Load has reported the calls of any other one.
func (e *Expression) HasFunction(name string) bool {
	_, found := e.ctx.Functions[name]
	return found
}

// Evaluate returns the value of a part of the expression's syntax tree, or of all of it, with HCL's own evaluator. names are the
// values of the names other than local that the part uses; a value may be unknown, which checks its type only. Diagnostics quote no
// value. The result has no marks. It is unknown, without diagnostics, when Load has reported a problem with the expression.
func (e *Expression) Evaluate(part hclsyntax.Expression, names map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	if !e.sound {
		return cty.DynamicVal, nil
	}
	ctx := e.ctx.NewChild()
	ctx.Variables = names
	v, diags := new(budget.Budget).Value(part, ctx)
	v, _ = v.UnmarkDeep()
	return v, e.loader.translate(diags)
}

// ParseTemplate returns the expression of a text between quotes, with the usual functions and without locals, env() and file().
func ParseTemplate(text string) (*Expression, error) {
	x, diags := hclsyntax.ParseTemplate([]byte(text), "template", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, fmt.Errorf("parse template: %w", diags)
	}
	l := newLoader(Kinds{}, Options{})
	l.report.sources["template"] = []byte(text)
	l.functions = functions.Pure()
	e, ok := l.keep(x)
	if !ok {
		return nil, fmt.Errorf("parse template: %w", l.report.Diagnostics)
	}
	return e, nil
}

// keep returns the expression of an attribute; nil for null. known is as Expression.Known.
func (l *loader) keep(x hclsyntax.Expression) (e *Expression, known bool) {
	ctx, ok := l.scope(x)
	e = &Expression{syntax: x, ctx: ctx, loader: l, sound: ok}
	if !ok {
		return e, false
	}
	inputs := l.inputs(x, ctx)
	e.known = inputs.IsWhollyKnown()
	e.secret = inputs.ContainsMarked()
	if slices.ContainsFunc(x.Variables(), func(t hcl.Traversal) bool { return t.RootName() != "local" }) {
		return e, e.known
	}
	v, taint, ok := l.evaluate(x)
	e.sound = ok
	e.known = ok && v.IsWhollyKnown()
	if e.known && v.IsNull() {
		return nil, true
	}
	l.addSecrets(v, taint)
	return e, e.known
}

// inputs returns a tuple of what an expression reads: the locals that it uses, and the results of those calls of env() and file()
// whose arguments depend on nothing else.
func (l *loader) inputs(x hclsyntax.Expression, ctx *hcl.EvalContext) cty.Value {
	all := []cty.Value{ctx.Variables["local"]}
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is || call.Name != "env" && call.Name != "file" {
			return nil
		}
		v, diags := l.budget.Value(call, ctx)
		if diags.HasErrors() { // reported where the expression is evaluated
			v = cty.StringVal("").Mark(functions.Tainted{})
		}
		all = append(all, v)
		return nil
	})
	return cty.TupleVal(all)
}
