package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// member is a field of an object that an expression makes.
type member struct {
	name  []byte // a constant key
	json  []byte // `,"name":`
	key   *node  // any other key; nil
	value *node
	omit  *column // left out when an update left it unchanged; nil: never
}

// object compiles { key = value }.
func (c *rowCompiler) object(x *hclsyntax.ObjectConsExpr) *node {
	members, ok := make([]member, 0, len(x.Items)), true
	taken := map[string]hcl.Range{}
	dynamic := false
	operands := []*node{}
	for _, item := range x.Items {
		m := c.member(item, taken)
		if m == nil {
			ok = false
			continue
		}
		if m.key != nil {
			dynamic = true
			operands = append(operands, m.key)
		}
		members, operands = append(members, *m), append(operands, m.value)
	}
	if !ok {
		return nil
	}
	n := &node{at: x.SrcRange, typ: objectOf(members, dynamic)}
	n.eval = func(f *frame) val { return evalObject(f, members) }
	if !dynamic {
		n.json = objectJSON(members)
	}
	return c.fold(n, operands...)
}

func objectOf(members []member, dynamic bool) *typ {
	t := &typ{class: objectClass, closed: !dynamic}
	if dynamic {
		return t
	}
	for _, m := range members {
		t.fields = append(t.fields, fieldType{string(m.name), m.value.typ})
	}
	return t
}

// member compiles a field. taken has the places of the constant keys before it.
func (c *rowCompiler) member(item hclsyntax.ObjectConsItem, taken map[string]hcl.Range) *member {
	m := &member{value: c.operand(item.ValueExpr)}
	keyed := c.key(m, item.KeyExpr, taken)
	if m.value == nil || !keyed {
		return nil
	}
	if col := m.value.column; col != nil && col.unchanged && c.shape.Unchanged == Omit {
		m.omit = col
		return m
	}
	if !c.present(m.value) {
		return nil
	}
	return m
}

func (c *rowCompiler) key(m *member, x hclsyntax.Expression, taken map[string]hcl.Range) bool {
	at := x.Range()
	if k, is := x.(*hclsyntax.ObjectConsKeyExpr); is && !k.ForceNonLiteral {
		if name := hcl.ExprAsKeyword(k.Wrapped); name != "" {
			return c.constantKey(m, []byte(name), at, taken)
		}
	}
	n := c.compile(x)
	if n == nil || !c.scalar(n) {
		return false
	}
	if !n.constant() {
		m.key = n
		return true
	}
	if n.value.kind == nullKind {
		c.fail(at, "the key of an object is null", "")
		return false
	}
	return c.constantKey(m, appendScalar(scratch(), nil, n.value), at, taken)
}

func (c *rowCompiler) constantKey(m *member, name []byte, at hcl.Range, taken map[string]hcl.Range) bool {
	if first, twice := taken[string(name)]; twice {
		c.fail(at, fmt.Sprintf("%s is defined twice in this object", name), fmt.Sprintf("The first is at %s:%d.", first.Filename, first.Start.Line))
		return false
	}
	taken[string(name)] = at
	m.name = name
	m.json = append(jsonvalue.AppendString([]byte{','}, name), ':')
	return true
}

// left reports whether a field is left out, because an update left its value unchanged.
func (m *member) left(f *frame) bool {
	return m.omit != nil && f.columnValue(m.omit.source, m.value.itemSlot, m.omit.index).Kind == capture.Unchanged
}

func evalObject(f *frame, members []member) val {
	if !f.take(len(members) * valSize) {
		return val{kind: failed}
	}
	o := objectBuilder{}
	for i := range members {
		m := &members[i]
		if m.left(f) {
			continue
		}
		key := textVal(m.name)
		if m.key != nil {
			if key = f.asText(m.key.eval(f)); key.kind == nullKind {
				return f.fail(m.key.at, "the key of an object is null")
			}
		}
		v := m.value.eval(f)
		if v.kind == failed || key.kind == failed {
			return val{kind: failed}
		}
		o.set(key.b, v)
	}
	return o.value()
}

// objectJSON returns how an object with constant keys becomes JSON, field by field.
func objectJSON(members []member) func(*frame, []byte) []byte {
	return func(f *frame, dst []byte) []byte {
		start := len(dst)
		dst = append(dst, '{')
		for i := range members {
			m := &members[i]
			if m.omit != nil && m.left(f) {
				continue
			}
			name := m.json
			if len(dst) == start+1 {
				name = name[1:]
			}
			dst = m.value.appendJSON(f, append(dst, name...))
			if f.err != nil || !f.bounded(len(dst)-start) {
				return dst
			}
		}
		return append(dst, '}')
	}
}

// list compiles [a, b].
func (c *rowCompiler) list(x *hclsyntax.TupleConsExpr) *node {
	elems, ok := make([]*node, len(x.Exprs)), true
	t := &typ{class: listClass}
	for i, e := range x.Exprs {
		if elems[i] = c.compile(e); elems[i] == nil {
			ok = false
			continue
		}
		if i == 0 {
			t.elem = elems[i].typ
		} else if t.elem != nil {
			t.elem = unify(t.elem, elems[i].typ)
		}
	}
	if !ok {
		return nil
	}
	n := &node{at: x.SrcRange, typ: t}
	n.eval = func(f *frame) val {
		list, ok := evalAll(f, elems)
		if !ok {
			return val{kind: failed}
		}
		return listVal(list)
	}
	n.json = func(f *frame, dst []byte) []byte {
		start := len(dst)
		dst = append(dst, '[')
		for i, e := range elems {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.appendJSON(f, dst)
			if f.err != nil || !f.bounded(len(dst)-start) {
				return dst
			}
		}
		return append(dst, ']')
	}
	return c.fold(n, elems...)
}

// evalAll evaluates nodes in order; false when one failed.
func evalAll(f *frame, nodes []*node) ([]val, bool) {
	if !f.take(len(nodes) * valSize) {
		return nil, false
	}
	list := make([]val, len(nodes))
	for i, n := range nodes {
		if list[i] = n.eval(f); list[i].kind == failed {
			return nil, false
		}
	}
	return list, true
}

// template compiles "a ${b} c". With null in it, the text is null.
func (c *rowCompiler) template(x *hclsyntax.TemplateExpr) *node {
	parts := make([]*node, 0, len(x.Parts))
	ok := true
	for _, p := range x.Parts {
		n := c.compile(p)
		if n == nil || !c.scalar(n) {
			ok = false
			continue
		}
		parts = append(parts, n)
	}
	if !ok {
		return nil
	}
	n := textNode(func(f *frame, dst []byte) ([]byte, bool) {
		start := len(dst)
		for _, p := range parts {
			var null bool
			dst, null = p.appendText(f, dst)
			if null || f.err != nil || !f.bounded(len(dst)-start) {
				return dst[:start], null
			}
		}
		return dst, false
	})
	n.at = x.SrcRange
	return c.fold(n, parts...)
}

// textNode is a node for what appends a text.
func textNode(text func(*frame, []byte) ([]byte, bool)) *node {
	n := &node{typ: textType, text: text}
	n.eval = func(f *frame) val {
		null := false
		b := f.build(func(f *frame, dst []byte) []byte {
			dst, null = text(f, dst)
			return dst
		})
		switch {
		case f.err != nil:
			return val{kind: failed}
		case null:
			return val{}
		}
		return textVal(b)
	}
	return n
}

// templateJoin compiles the body of a %{ for } in a template.
func (c *rowCompiler) templateJoin(x *hclsyntax.TemplateJoinExpr) *node {
	list := c.compile(x.Tuple)
	if list == nil {
		return nil
	}
	at := x.Range()
	n := textNode(func(f *frame, dst []byte) ([]byte, bool) {
		start, null := len(dst), false
		v := list.eval(f)
		f.each(v, anyType, at, func(_, elem val) bool {
			if elem.kind == nullKind {
				null = true
				return false
			}
			dst = appendScalar(f, dst, elem)
			return f.bounded(len(dst) - start)
		})
		if null || v.kind == nullKind {
			return dst[:start], true
		}
		return dst, false
	})
	n.at = at
	return c.fold(n, list)
}
