package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// connection is a connection block: attributes that several blocks of one type share.
type connection struct {
	kind, name   string
	block        *hclsyntax.Block
	disabled     bool
	suspectNames []string // as body.suspectNames
}

// defineConnection adds a connection block. Its names are checked against those of all sources and sinks of the type.
func (l *loader) defineConnection(b *hclsyntax.Block) {
	if !l.labels(b, "kind", "name") {
		return
	}
	c := &connection{kind: b.Labels[0], name: b.Labels[1], block: b}
	if !l.checkName(c.name, b.LabelRanges[1]) {
		return
	}
	for _, o := range l.connections {
		if o.kind == c.kind && o.name == c.name {
			l.report.append(problem(b.LabelRanges[1], fmt.Sprintf("there are two connections %q of type %q", c.name, c.kind),
				"The first is at "+where(o.block.TypeRange)+"."))
			return
		}
	}
	l.connections = append(l.connections, c)
}

// checkConnection checks a connection, used or not.
func (l *loader) checkConnection(c *connection) {
	on, _ := l.enabled(c.block.Body.Attributes)
	if c.disabled = !on; c.disabled {
		return
	}
	source, sink := l.kinds.Sources[c.kind], l.kinds.Sinks[c.kind]
	if source == nil && sink == nil {
		l.unknownKind("connection", c.kind, c.block, append(names(l.kinds.Sources), names(l.kinds.Sinks)...))
		return
	}
	s := schema{attrs: map[string]field{}, blocks: map[string]field{}}
	for _, k := range []func() any{source, sink} {
		if k != nil {
			own := l.schemaOf(k)
			mergeInto(s.attrs, own.attrs)
			mergeInto(s.blocks, own.blocks)
		}
	}
	delete(s.attrs, "connection")
	b := bodyOf("connection", c.block)
	l.checkNames(&b, s)
	c.suspectNames = b.suspectNames
	for _, a := range inOrder(c.block.Body.Attributes) {
		switch f, ok := s.attrs[a.Name]; {
		case ok && f.typ == expressionType:
			l.keep(a.Expr)
		case ok:
			l.evaluate(a.Expr)
		}
	}
}

func mergeInto(all, more map[string]field) {
	for name, f := range more {
		all[name] = f
	}
}

// overlay adds the attributes and blocks of the connection that a block names. The block's own attribute overrides the
// connection's, as in Terraform it overrides a provider's default; a nested block replaces all the connection's blocks of its type.
// What the connection has and this type of block does not know is for the other blocks that use it.
func (l *loader) overlay(b body, kind string, s schema) body {
	i := slices.IndexFunc(b.attrs, func(a *hclsyntax.Attribute) bool { return a.Name == "connection" })
	if i < 0 {
		return b
	}
	c, ok := l.connection(b.attrs[i], kind)
	if c == nil {
		b.partial = !ok
		return b
	}
	own := b
	b.suspectNames = append(slices.Clip(b.suspectNames), c.suspectNames...)
	for _, a := range inOrder(c.block.Body.Attributes) {
		_, known := s.attrs[a.Name]
		same := func(o *hclsyntax.Attribute) bool { return o.Name == a.Name }
		if known && a.Name != "enabled" && a.Name != "connection" && !slices.ContainsFunc(own.attrs, same) {
			b.attrs = append(slices.Clip(b.attrs), a)
		}
	}
	for _, inner := range c.block.Body.Blocks {
		_, known := s.blocks[inner.Type]
		same := func(o *hclsyntax.Block) bool { return o.Type == inner.Type }
		if known && !slices.ContainsFunc(own.blocks, same) {
			b.blocks = append(slices.Clip(b.blocks), inner)
		}
	}
	return b
}

// connection returns the connection that an attribute `connection = "name"` refers to. It is nil with ok for null, and nil without
// ok when it is not known or was reported.
func (l *loader) connection(a *hclsyntax.Attribute, kind string) (c *connection, ok bool) {
	v, _, ok := l.evaluate(a.Expr)
	if !ok || !v.IsKnown() {
		return nil, false
	}
	if v.IsNull() {
		return nil, true
	}
	if v.Type() != cty.String {
		l.report.append(problem(a.Expr.Range(), "connection is not a text", `Write the name of a connection block in quotes.`))
		return nil, false
	}
	name := v.AsString()
	var same, elsewhere []string
	for _, o := range l.connections {
		switch {
		case o.kind == kind && o.name == name && o.disabled:
			l.report.append(problem(a.Expr.Range(), fmt.Sprintf("the connection %q is not enabled", name), "See "+where(o.block.TypeRange)+"."))
			return nil, false
		case o.kind == kind && o.name == name:
			return o, true
		case o.kind == kind:
			same = append(same, o.name)
		case o.name == name:
			elsewhere = append(elsewhere, o.kind)
		}
	}
	if l.partial {
		return nil, false
	}
	detail := Suggest(name, same)
	switch {
	case detail != "":
	case len(elsewhere) > 0:
		detail = fmt.Sprintf("There is one of type %s.", strings.Join(elsewhere, ", "))
	case len(same) > 0:
		detail = fmt.Sprintf("There is %s.", list(same))
	default:
		detail = fmt.Sprintf("Define it: connection %q %q { ... }.", kind, "name")
	}
	l.report.append(problem(a.Expr.Range(), fmt.Sprintf("there is no connection %q of type %q", l.report.secrets.Scrub(name), kind), detail))
	return nil, false
}
