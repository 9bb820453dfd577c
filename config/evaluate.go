package config

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config/redact"
)

// evaluate returns the value of an expression over locals and functions. Problems are reported; ok is false for one that
// has any, or that uses a local that has. It has no cty marks at its top or inside; taint reports whether it had.
func (l *loader) evaluate(e hclsyntax.Expression) (v cty.Value, taint, ok bool) {
	ctx, ok := l.context(e)
	if !ok {
		return cty.DynamicVal, false, false
	}
	v, diags := l.budget.Value(e, ctx)
	l.report.append(l.translate(diags)...)
	v, marks := v.UnmarkDeep()
	return v, len(marks) > 0, !diags.HasErrors()
}

// context checks every name in an expression, also where try() would hide a wrong one, and returns its evaluation context.
func (l *loader) context(e hclsyntax.Expression) (*hcl.EvalContext, bool) {
	ctx, ok := l.scope(e)
	for _, t := range e.Variables() {
		if t.RootName() != "local" {
			l.report.append(l.unknownName(t, nil))
			ok = false
		}
	}
	return ctx, ok
}

// scope checks the functions and the locals that an expression uses, and returns an evaluation context with them.
func (l *loader) scope(e hclsyntax.Expression) (*hcl.EvalContext, bool) {
	ok := l.known(e)
	values := map[string]cty.Value{}
	for _, t := range e.Variables() {
		if t.RootName() == "local" {
			ok = l.need(t, values) && ok
		}
	}
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{"local": cty.ObjectVal(values)},
		Functions: l.functions,
	}, ok
}

// known checks the names of the functions that are called.
func (l *loader) known(e hclsyntax.Expression) bool {
	ok := true
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is {
			return nil
		}
		if _, found := l.functions[call.Name]; !found {
			summary := fmt.Sprintf("there is no function %q", call.Name)
			if l.redacts(call.NameRange) {
				summary = "there is no such function"
			}
			l.report.append(problem(call.NameRange, summary, Suggest(call.Name, slices.Collect(maps.Keys(l.functions)))))
			ok = false
		}
		return nil
	})
	return ok
}

// rowNames are names that rules know, and settings do not.
var rowNames = []string{"row", "old", "op", "table", "tx", "source", "child"}

// unknownName is the problem of a root name that is not defined here; more are the names that are valid besides local.
func (l *loader) unknownName(t hcl.Traversal, more []string) *hcl.Diagnostic {
	name, at := t.RootName(), t[0].SourceRange()
	switch {
	case slices.Contains(rowNames, name):
		return problem(at, fmt.Sprintf("%q is not known here", name),
			"A setting is read once, before there is any row. It may use local, env() and file().")
	case name == "env" || name == "file":
		return problem(at, fmt.Sprintf("%s is a function", name), fmt.Sprintf(`Write %s("NAME").`, name))
	case name == "var" || name == "locals":
		return problem(at, fmt.Sprintf("%q is not known here", name), `What locals { } defines is read as local.NAME.`)
	case l.redacts(at):
		return problem(at, "this is a name, not a string", "A string is written in double quotes; better is file() or env().")
	case l.locals[name] != nil:
		return problem(at, fmt.Sprintf("%q is not known here", name), fmt.Sprintf(`Did you mean "local.%s"?`, name))
	}
	detail := Suggest(name, append([]string{"local"}, more...))
	if detail == "" {
		detail = "A string is written in double quotes; what locals { } defines is read as local.NAME."
	}
	return problem(at, fmt.Sprintf("%q is not known here", name), detail)
}

// translate rewrites HCL's evaluation errors in our words, without the values.
func (l *loader) translate(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		src := l.report.sources[d.Subject.Filename]
		if e := d.Expression; e != nil && *d.Subject == e.StartRange() {
			d.Subject = new(e.Range()) // the start of a quoted string is after its quote
		}
		if at := &d.Subject.Start; d.Summary == "Too many function arguments" && src[at.Byte-1] == '"' {
			at.Byte--
			at.Column--
		}
		call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d)
		if ok && call.FunctionCallError() != nil {
			d.Summary, d.Detail = callError(call.CalledFunctionName(), call.FunctionCallError())
		}
		if !ok || call.CalledFunctionName() == "try" {
			d.Detail = withoutValues(d.Detail, src)
		}
		d.Summary = strings.ToLower(d.Summary[:1]) + d.Summary[1:]
		d.Summary, d.Detail = l.report.secrets.Scrub(d.Summary), l.report.secrets.Scrub(d.Detail)
		d.Expression, d.EvalContext, d.Extra = nil, nil, nil // they contain values
	}
	return diags
}

// callError splits the error of a function into summary and detail.
func callError(name string, err error) (summary, detail string) {
	summary, detail, _ = strings.Cut(err.Error(), "\n")
	switch {
	case name == "env" && strings.HasSuffix(summary, "is not set"):
		return summary, `Set it, or give a default: env("NAME", "default").`
	case name == "env" || name == "file":
		return summary, detail
	}
	return name + "(): " + summary, detail
}

// withoutValues hides what a message quotes and the file does not have: a value, such as a key in upper case that came from
// env().
func withoutValues(detail string, src []byte) string {
	return quotation.ReplaceAllStringFunc(detail, func(q string) string {
		if bytes.Contains(src, []byte(q[1:len(q)-1])) {
			return q
		}
		return redact.Hidden
	})
}

var quotation = regexp.MustCompile(`"[^"]*"`)
