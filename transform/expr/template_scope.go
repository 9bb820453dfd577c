package expr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tailrace/tailrace/config"
)

// scope is the names that an expression may use besides local.
type scope struct {
	roots   []root
	refused map[string]refusal // names of other scopes
}

// root is a name with attributes, such as table.
type root struct {
	name  string
	attrs []attr
}

// attr is an attribute of a root. get returns its value without HCL's evaluator.
type attr struct {
	name string
	typ  cty.Type
	get  func(env) string
}

// env are the values of a scope's names.
type env struct{ schema, table string }

// refusal is the problem of a name of another scope.
type refusal struct{ summary, detail string }

// tables is the scope of what is the same for all rows of a table.
var tables = newTableScope()

func newTableScope() *scope {
	const detail = "A topic that depends on a row's values belongs to a block of its own, and those are not supported by this " +
		"version. This template knows table.schema and table.name."
	s := &scope{
		roots: []root{{"table", []attr{
			{"schema", cty.String, func(e env) string { return e.schema }},
			{"name", cty.String, func(e env) string { return e.table }},
		}}},
		refused: map[string]refusal{},
	}
	for _, name := range []string{"child", "old", "op", "row", "source", "tx"} {
		s.refused[name] = refusal{fmt.Sprintf("%q is not known here", name), detail}
	}
	for _, name := range []string{"old", "row"} {
		s.refused[name] = refusal{"row values are not known here", detail}
	}
	return s
}

// check reports every name of an expression that is not in the scope.
func (s *scope) check(e *config.Expression) hcl.Diagnostics {
	var diags hcl.Diagnostics
	var known []string
	for _, r := range s.roots {
		known = append(known, r.name)
	}
	for _, t := range e.Syntax().Variables() {
		name := t.RootName()
		if why, ok := s.refused[name]; ok {
			known = append(known, name)
			diags = append(diags, problem(t.SourceRange(), why.summary, why.detail))
		} else if r := s.root(name); r != nil {
			diags = append(diags, r.check(t)...)
		}
	}
	return append(diags, e.CheckNames(known...)...)
}

func (s *scope) root(name string) *root {
	i := slices.IndexFunc(s.roots, func(r root) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return &s.roots[i]
}

// check reports what a traversal reads that the root does not have.
func (r *root) check(t hcl.Traversal) hcl.Diagnostics {
	if r.attr(t) != nil {
		return nil
	}
	names := make([]string, len(r.attrs))
	for i, a := range r.attrs {
		names[i] = r.name + "." + a.name
	}
	detail := fmt.Sprintf("A %s has %s.", r.name, strings.Join(names, " and "))
	if len(t) > 1 {
		if step, is := t[1].(hcl.TraverseAttr); is && !slices.Contains(names, r.name+"."+step.Name) {
			detail = cmp.Or(config.Suggest(r.name+"."+step.Name, names), detail)
		}
	}
	return hcl.Diagnostics{problem(t.SourceRange(), "this is not known of a "+r.name, detail)}
}

// attr returns the attribute that a traversal reads; nil when it reads anything else.
func (r *root) attr(t hcl.Traversal) *attr {
	if len(t) != 2 {
		return nil
	}
	step, is := t[1].(hcl.TraverseAttr)
	i := slices.IndexFunc(r.attrs, func(a attr) bool { return is && a.name == step.Name })
	if i < 0 {
		return nil
	}
	return &r.attrs[i]
}

// uses reports whether an expression depends on a name of the scope.
func (s *scope) uses(x hclsyntax.Expression) bool {
	return slices.ContainsFunc(x.Variables(), func(t hcl.Traversal) bool { return s.root(t.RootName()) != nil })
}

// unknown are the names with values that are not known yet, for a check of types.
func (s *scope) unknown() map[string]cty.Value {
	return s.values(func(a attr) cty.Value { return cty.UnknownVal(a.typ) })
}

// known are the names with their values.
func (s *scope) known(e env) map[string]cty.Value {
	return s.values(func(a attr) cty.Value { return cty.StringVal(a.get(e)) })
}

func (s *scope) values(of func(attr) cty.Value) map[string]cty.Value {
	all := map[string]cty.Value{}
	for _, r := range s.roots {
		attrs := map[string]cty.Value{}
		for _, a := range r.attrs {
			attrs[a.name] = of(a)
		}
		all[r.name] = cty.ObjectVal(attrs)
	}
	return all
}

func problem(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}
