package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// local is one name of a locals block, evaluated when it is first needed.
type local struct {
	attr  *hclsyntax.Attribute
	state int
	value cty.Value // with its marks
}

const (
	untouched = iota
	evaluating
	good
	bad // and reported
)

// defineLocals adds the names of a locals block.
func (l *loader) defineLocals(b *hclsyntax.Block) {
	for _, inner := range b.Body.Blocks {
		l.report.append(problem(inner.TypeRange, fmt.Sprintf("%q is not a block", inner.Type),
			"A locals block has attributes only: name = value."))
	}
	l.labels(b)
	for _, a := range inOrder(b.Body.Attributes) {
		if first := l.locals[a.Name]; first != nil {
			l.report.append(problem(a.NameRange, fmt.Sprintf("local.%s is defined twice", a.Name),
				"First at "+where(first.attr.NameRange)+"."))
			continue
		}
		l.locals[a.Name] = &local{attr: a}
	}
}

// need adds the locals that a traversal reads to values.
func (l *loader) need(t hcl.Traversal, values map[string]cty.Value) bool {
	name, at := "", t[0].SourceRange()
	if len(t) > 1 {
		at = hcl.RangeBetween(at, t[1].SourceRange())
		switch step := t[1].(type) {
		case hcl.TraverseAttr:
			name = step.Name
		case hcl.TraverseIndex:
			if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
				name = step.Key.AsString()
			}
		}
	}
	if name != "" {
		return l.evaluateLocal(name, at, values)
	}
	ok := true
	for _, n := range slices.Sorted(maps.Keys(l.locals)) { // local as a whole
		ok = l.evaluateLocal(n, at, values) && ok
	}
	return ok
}

// evaluateLocals evaluates all locals, used or not.
func (l *loader) evaluateLocals() {
	for _, name := range slices.Sorted(maps.Keys(l.locals)) {
		l.evaluateLocal(name, l.locals[name].attr.NameRange, map[string]cty.Value{})
	}
}

func (l *loader) evaluateLocal(name string, at hcl.Range, values map[string]cty.Value) bool {
	loc := l.locals[name]
	if loc == nil {
		if !l.partial { // else it may be in the file that did not parse
			detail := Suggest(name, slices.Collect(maps.Keys(l.locals)))
			if detail == "" {
				detail = fmt.Sprintf("Define it: locals { %s = ... }.", name)
			}
			l.report.append(problem(at, fmt.Sprintf("there is no local.%s", name), detail))
		}
		return false
	}
	switch loc.state {
	case untouched:
		l.path = append(l.path, name)
		l.compute(loc)
		l.path = l.path[:len(l.path)-1]
	case evaluating:
		circle := append(l.path[slices.Index(l.path, name):], name)
		l.report.append(problem(loc.attr.NameRange, fmt.Sprintf("local.%s needs itself", name),
			"local."+strings.Join(circle, " needs local.")+"."))
		return false
	}
	values[name] = loc.value
	return loc.state == good
}

func (l *loader) compute(loc *local) {
	loc.state = evaluating
	loc.value = cty.DynamicVal
	defer func() {
		if loc.state == evaluating {
			loc.state = bad
		}
	}()
	ctx, ok := l.context(loc.attr.Expr)
	if !ok {
		return
	}
	v, diags := l.budget.Value(loc.attr.Expr, ctx)
	l.report.append(l.translate(diags)...)
	if diags.HasErrors() {
		return
	}
	loc.value, loc.state = v, good
}

// inOrder returns attributes in the order of the file, so that problems do not come in the order of a map.
func inOrder(attrs hclsyntax.Attributes) []*hclsyntax.Attribute {
	return slices.SortedFunc(maps.Values(attrs), func(a, b *hclsyntax.Attribute) int {
		return a.NameRange.Start.Byte - b.NameRange.Start.Byte
	})
}

// where formats a place for a sentence: file:line.
func where(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
