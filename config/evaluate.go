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
)

// evaluate gives the value of an expression over locals and functions. Problems are reported; ok is false for one that
// has any, or that uses a local that has. It has no cty marks at its top or inside: tainted says whether it had.
func (l *loader) evaluate(e hclsyntax.Expression) (v cty.Value, taint, ok bool) {
	ctx, ok := l.context(e)
	if !ok {
		return cty.DynamicVal, false, false
	}
	v, diags := e.Value(ctx)
	l.report.append(l.translate(diags)...)
	v, marks := v.UnmarkDeep()
	return v, len(marks) > 0, !diags.HasErrors()
}

// context checks every name in an expression, also where try() would hide a wrong one, and makes what it is evaluated in.
func (l *loader) context(e hclsyntax.Expression, more ...string) (*hcl.EvalContext, bool) {
	ok := l.known(e)
	values := map[string]cty.Value{}
	for _, t := range e.Variables() {
		if t.RootName() == "local" {
			ok = l.need(t, values) && ok
		} else if !slices.Contains(more, t.RootName()) {
			l.report.append(l.unknownName(t))
			ok = false
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
			l.report.append(problem(call.NameRange, summary, suggest(call.Name, slices.Collect(maps.Keys(l.functions)))))
			ok = false
		}
		return nil
	})
	return ok
}

// rowNames are names that rules know, and settings do not.
var rowNames = []string{"row", "old", "op", "table", "tx", "source", "child"}

func (l *loader) unknownName(t hcl.Traversal) *hcl.Diagnostic {
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
		return problem(at, "this is a name, not a text", "A text stands in double quotes; better is file() or env().")
	case l.locals[name] != nil:
		return problem(at, fmt.Sprintf("%q is not known here", name), fmt.Sprintf(`Did you mean "local.%s"?`, name))
	}
	detail := suggest(name, []string{"local"})
	if detail == "" {
		detail = "A text stands in double quotes; what locals { } defines is read as local.NAME."
	}
	return problem(at, fmt.Sprintf("%q is not known here", name), detail)
}

// translate says HCL's evaluation errors in our words, without the values.
func (l *loader) translate(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		if e := d.Expression; e != nil && d.Subject != nil && *d.Subject == e.StartRange() {
			d.Subject = new(e.Range()) // the start of a quoted text is behind its quote
		}
		if src := l.report.sources[d.Subject.Filename]; d.Summary == "Too many function arguments" && src[d.Subject.Start.Byte-1] == '"' {
			d.Subject.Start.Byte--
			d.Subject.Start.Column--
		}
		d.Expression, d.EvalContext = nil, nil // they hold values
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok && call.FunctionCallError() != nil {
			d.Summary, d.Detail = call.FunctionCallError().Error(), ""
			if name := call.CalledFunctionName(); name == "env" && strings.HasSuffix(d.Summary, "is not set") {
				d.Detail = `Set it, or give a default: env("NAME", "default").`
			} else if name != "env" && name != "file" {
				d.Summary = name + "(): " + d.Summary
			}
		} else if !ok {
			d.Detail = l.withoutValues(d.Detail, d.Subject.Filename)
		}
		d.Summary = strings.ToLower(d.Summary[:1]) + d.Summary[1:]
		d.Extra = nil
		d.Summary, d.Detail = l.report.secrets.scrub(d.Summary), l.report.secrets.scrub(d.Detail)
	}
	return diags
}

// withoutValues hides what a message quotes and the file does not have: a value, such as a key in upper case that came from
// env().
func (l *loader) withoutValues(detail, file string) string {
	return quotation.ReplaceAllStringFunc(detail, func(q string) string {
		if bytes.Contains(l.report.sources[file], []byte(q[1:len(q)-1])) {
			return q
		}
		return hidden
	})
}

var quotation = regexp.MustCompile(`"[^"]*"`)
