package expr

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/config"
)

// steps compiles the attributes and indexes after a value.
func (c *rowCompiler) steps(n *node, steps []hcl.Traverser, at hcl.Range) *node {
	for _, step := range steps {
		if n == nil || !c.present(n) {
			return nil
		}
		place := hcl.RangeBetween(at, step.SourceRange())
		place.Start = at.Start
		switch s := step.(type) {
		case hcl.TraverseAttr:
			n = c.attribute(n, s.Name, place)
		case hcl.TraverseIndex:
			key, ok := fromCty(s.Key)
			if !ok {
				return c.fail(place, "this index is not supported", "")
			}
			n = c.constantIndex(n, constant(key, s.SrcRange), place)
		default:
			return c.fail(place, "this is not supported in an expression over a row", "Write [for x in list : x.name].")
		}
	}
	return n
}

func (c *rowCompiler) constantIndex(n, key *node, at hcl.Range) *node {
	if key.value.kind == textKind {
		return c.attribute(n, string(key.value.b), at)
	}
	return c.element(n, key, at)
}

// attribute compiles the field of an object, or the member of a JSON object.
func (c *rowCompiler) attribute(n *node, name string, at hcl.Range) *node {
	t := n.typ
	switch {
	case n.item > 0 && t.row != nil:
		return c.itemColumn(n, name, at)
	case t.row != nil:
		return c.rowField(n, name, at)
	case t.class == anyClass, t.class == nullClass, t.nested:
	case t.class == objectClass && (!t.closed || t.field(name) != nil):
	case t.class == objectClass:
		detail := config.Suggest(name, t.fieldNames())
		if detail == "" {
			detail = "It has " + someOf(t.fieldNames()) + "."
		}
		return c.fail(at, fmt.Sprintf("there is no attribute %s", name), detail)
	case t.class == listClass:
		return c.fail(at, "a list has no attributes", fmt.Sprintf("Write [0].%s for the first element, or [for x in list : x.%s].", name, name))
	default:
		return c.fail(at, fmt.Sprintf("%s has no attributes", t.class), sentence(nameOf(n))+".")
	}
	field := t.field(name)
	if field == nil {
		field = t.item()
		if t.class != objectClass {
			field = anyType
		}
	}
	key := []byte(name)
	out := &node{at: at, typ: field, name: pathOf(n, name)}
	out.eval = func(f *frame) val { return field.typed(f.field(n.eval(f), key, at)) }
	return c.fold(out, n)
}

func pathOf(n *node, name string) string {
	if n.name == "" {
		return ""
	}
	return n.name + "." + name
}

// index compiles value[key].
func (c *rowCompiler) index(n, key *node, x *hclsyntax.IndexExpr) *node {
	if n == nil || key == nil {
		return nil
	}
	if key.constant() {
		return c.constantIndex(n, key, x.SrcRange)
	}
	switch n.typ.class {
	case anyClass, nullClass, listClass, objectClass:
	default:
		if !n.typ.nested {
			return c.fail(x.SrcRange, fmt.Sprintf("%s has no elements", n.typ.class), sentence(nameOf(n))+".")
		}
	}
	at := x.SrcRange
	if n.typ.class == objectClass || key.typ.class == textClass {
		item := n.typ.item()
		if n.typ.row != nil {
			item = anyType
			c.encoders(n.typ.row)
		}
		out := &node{at: at, typ: item}
		out.eval = func(f *frame) val {
			v, k := n.eval(f), f.asText(key.eval(f))
			if k.kind != textKind {
				return k
			}
			return item.typed(f.field(v, k.b, at))
		}
		return c.fold(out, n, key)
	}
	return c.element(n, key, at)
}

// element compiles the element of a list, or of a JSON array.
func (c *rowCompiler) element(n, key *node, at hcl.Range) *node {
	t := n.typ
	switch {
	case t.class == anyClass, t.class == nullClass, t.class == listClass, t.nested:
	default:
		return c.fail(at, fmt.Sprintf("%s has no elements", t.class), sentence(nameOf(n))+".")
	}
	if k := key.typ.class; k != numberClass && k != anyClass && k != nullClass {
		return c.fail(key.at, "an index is a number", sentence(nameOf(key))+".")
	}
	item := c.itemType(n)
	out := &node{at: at, typ: item}
	out.eval = func(f *frame) val {
		v, k := n.eval(f), key.eval(f)
		if v.kind == failed || k.kind == failed {
			return val{kind: failed}
		}
		if k.kind == textKind { // of a value that may have any type
			return f.field(v, k.b, at)
		}
		i, ok := f.indexOf(k)
		if !ok {
			return val{}
		}
		return item.typed(f.elementOf(v, i, at))
	}
	return c.fold(out, n, key)
}

// itemType returns the type of the elements of a list.
func (c *rowCompiler) itemType(n *node) *typ {
	switch {
	case n.typ.nested && n.typ.class != listClass:
		return n.typ
	case n.typ.class == listClass:
		return n.typ.item()
	}
	return anyType
}

// splat compiles list[*].name, which is [for x in list : x.name].
func (c *rowCompiler) splat(x *hclsyntax.SplatExpr) *node {
	source := c.compile(x.Source)
	if source == nil {
		return nil
	}
	if k := source.typ.class; k != listClass && k != anyClass && k != nullClass {
		return c.fail(x.MarkerRange, "this is not a list", strings.TrimSpace(sentence(nameOf(source))+". [*] is for lists."))
	}
	return c.eachElement(source, splatItem, "", x.SrcRange, func() *loopBody {
		elem := c.compile(x.Each)
		if elem == nil {
			return nil
		}
		return &loopBody{value: elem}
	})
}
