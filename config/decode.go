package config

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// body is what a settings struct is decoded from: the block, or the block with its connection.
type body struct {
	scope        string // of the reserved names: "source", "sink", or the type of a nested block
	header       hcl.Range
	labels       []string
	labelRanges  []hcl.Range
	attrs        []*hclsyntax.Attribute
	blocks       []*hclsyntax.Block
	partial      bool     // its connection is not known: an attribute that it lacks may be there
	suspectNames []string // wrong names in the block, and the names that were probably meant
}

func bodyOf(scope string, b *hclsyntax.Block) body {
	return body{
		scope: scope, header: headerOf(b), labels: b.Labels, labelRanges: b.LabelRanges,
		attrs: inOrder(b.Body.Attributes), blocks: b.Body.Blocks,
	}
}

// decode fills the struct v, and calls it if it is a Checker. Names have been checked before.
func (l *loader) decode(b body, v reflect.Value) {
	s := schemaOf(v.Type())
	at := Positions{header: b.header, given: map[string]hcl.Range{}, unknown: map[string]bool{}}
	l.decodeLabels(b, s, v, at)
	if s.place != nil {
		v.FieldByIndex(s.place).Set(reflect.ValueOf(b.header))
	}
	l.decodeAttributes(b, s, v, at)
	l.decodeBlocks(b, s, v, at)
	if c, ok := v.Addr().Interface().(Checker); ok {
		l.check(c, at)
	}
}

func (l *loader) decodeLabels(b body, s schema, v reflect.Value, at Positions) {
	for i, f := range s.labels {
		if i >= len(b.labels) {
			l.report.append(problem(b.header, fmt.Sprintf("%s block needs %s", article(b.scope), article(f.name)),
				fmt.Sprintf(`Write %s "%s" { }.`, b.scope, f.name)))
			at.unknown[f.name] = true
			return
		}
		v.FieldByIndex(f.index).SetString(b.labels[i])
	}
	if n := len(s.labels); len(b.labels) > n {
		l.report.append(problem(b.labelRanges[n], fmt.Sprintf("%s block has no such label", article(b.scope)), ""))
	}
}

func (l *loader) decodeAttributes(b body, s schema, v reflect.Value, at Positions) {
	for _, a := range b.attrs {
		f, ok := s.attrs[a.Name]
		if !ok {
			continue
		}
		at.given[a.Name] = a.NameRange
		set, known := l.decodeAttribute(a, f, v.FieldByIndex(f.index))
		if !known {
			at.unknown[a.Name] = true
		}
		if known && !set { // null counts as missing
			delete(at.given, a.Name)
		}
	}
	for _, name := range b.suspectNames {
		at.unknown[name] = true
	}
	for _, name := range names(s.attrs) {
		if b.partial && !at.Given(name) {
			at.unknown[name] = true
		}
		if s.attrs[name].required && !at.Given(name) && !at.unknown[name] {
			l.report.append(problem(b.header, fmt.Sprintf("%s is missing", name),
				fmt.Sprintf("A%s block needs the attribute %q.", article(b.scope)[1:], name)))
			at.unknown[name] = true
		}
	}
}

func (l *loader) decodeBlocks(b body, s schema, v reflect.Value, at Positions) {
	for _, inner := range b.blocks {
		f, ok := s.blocks[inner.Type]
		if !ok {
			continue
		}
		if on, _ := l.enabled(inner.Body.Attributes); !on {
			continue
		}
		first, twice := at.given[inner.Type]
		if !twice {
			at.given[inner.Type] = headerOf(inner)
		}
		if twice && f.typ.Kind() != reflect.Slice {
			l.report.append(problem(headerOf(inner), fmt.Sprintf("there are two %s blocks", inner.Type),
				"A"+article(b.scope)[1:]+" block has one at most. The first is at "+where(first)+"."))
			continue
		}
		nested := bodyOf(inner.Type, inner)
		l.checkNames(&nested, schemaOf(blockType(f.typ)))
		l.decode(nested, slot(v.FieldByIndex(f.index)))
	}
}

// slot is the struct that a nested block goes into: the field itself, what it points to, or a new element.
func slot(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		return slot(v.Index(v.Len() - 1))
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return v.Elem()
	}
	return v
}

// check calls a Checker. It drops diagnostics about a value that is not known or was already reported, and those about the block as
// a whole when a part of it could not be decoded.
func (l *loader) check(c Checker, at Positions) {
	for _, d := range c.CheckSettings(at) {
		if d.Subject == nil {
			d.Subject = &at.header
		}
		if d.Severity == hcl.DiagError && at.excuses(*d.Subject) {
			continue
		}
		d.Summary, d.Detail = l.report.secrets.Scrub(d.Summary), l.report.secrets.Scrub(d.Detail)
		l.report.append(d)
	}
}

func (p Positions) excuses(r hcl.Range) bool {
	for name := range p.unknown {
		if r == p.At(name) {
			return true
		}
	}
	return r == p.header && len(p.unknown) > 0
}

// enabled evaluates a block's enabled attribute. known is false when it cannot be known now; the block then counts as on.
func (l *loader) enabled(attrs hclsyntax.Attributes) (on, known bool) {
	a := attrs["enabled"]
	if a == nil {
		return true, true
	}
	on = true
	set, known := l.decodeAttribute(a, field{name: "enabled", typ: reflect.TypeFor[bool]()}, reflect.ValueOf(&on).Elem())
	return on || !set, known
}
