package expr

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// member is a field of an object that an expression makes.
type member struct {
	name  []byte     // a constant key
	json  []byte     // `,"name":`
	key   *eval.Node // any other key; nil
	value *eval.Node
	omit  *eval.Column // left out when an update left it unchanged; nil: never
}

// object compiles { key = value }.
func (c *rowCompiler) object(x *hclsyntax.ObjectConsExpr) *eval.Node {
	members, ok := make([]member, 0, len(x.Items)), true
	taken := map[string]hcl.Range{}
	dynamic := false
	operands := []*eval.Node{}
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
	n := &eval.Node{At: x.SrcRange, Type: objectOf(members, dynamic)}
	n.Eval = func(f *eval.Frame) eval.Value { return evalObject(f, members) }
	if !dynamic {
		o := newObjectJSON(members)
		n.Encoder, n.EvalJSON = o, o.AppendJSON
	}
	return c.fold(n, operands...)
}

func objectOf(members []member, dynamic bool) *eval.Type {
	t := &eval.Type{Class: eval.ObjectClass, Closed: !dynamic}
	if dynamic {
		return t
	}
	for _, m := range members {
		t.Fields = append(t.Fields, eval.Field{Name: string(m.name), Type: m.value.Type})
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
	if col := m.value.Column; col != nil && col.Unchanged && c.shape.Unchanged == Omit {
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
	if !n.IsConstant() {
		m.key = n
		return true
	}
	if n.Value.Kind == eval.NullKind {
		c.fail(at, "the key of an object is null", "")
		return false
	}
	return c.constantKey(m, eval.AppendText(eval.Scratch(0), nil, n.Value), at, taken)
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
func (m *member) left(f *eval.Frame) bool {
	return m.omit != nil && f.ColumnValue(m.omit.Source, m.value.ItemSlot, m.omit.Index).Kind == capture.Unchanged
}

func evalObject(f *eval.Frame, members []member) eval.Value {
	if !f.Take(len(members) * eval.ValueSize) {
		return eval.Value{Kind: eval.Failed}
	}
	o := eval.ObjectBuilder{}
	for i := range members {
		m := &members[i]
		if m.left(f) {
			continue
		}
		key := eval.Text(m.name)
		if m.key != nil {
			if key = f.Text(m.key.Eval(f)); key.Kind == eval.NullKind {
				return f.Fail(m.key.At, "the key of an object is null")
			}
		}
		v := m.value.Eval(f)
		if v.Kind == eval.Failed || key.Kind == eval.Failed {
			return eval.Value{Kind: eval.Failed}
		}
		o.Set(key.Bytes, v)
	}
	return o.Value()
}

// list compiles [a, b].
func (c *rowCompiler) list(x *hclsyntax.TupleConsExpr) *eval.Node {
	elems, ok := make([]*eval.Node, len(x.Exprs)), true
	t := &eval.Type{Class: eval.ListClass}
	for i, e := range x.Exprs {
		if elems[i] = c.compile(e); elems[i] == nil {
			ok = false
			continue
		}
		if i == 0 {
			t.Elem = elems[i].Type
		} else if t.Elem != nil {
			t.Elem = eval.Unify(t.Elem, elems[i].Type)
		}
	}
	if !ok {
		return nil
	}
	n := &eval.Node{At: x.SrcRange, Type: t}
	n.Eval = func(f *eval.Frame) eval.Value {
		list, ok := evalAll(f, elems)
		if !ok {
			return eval.Value{Kind: eval.Failed}
		}
		return eval.List(list)
	}
	n.EvalJSON = func(f *eval.Frame, dst []byte) []byte {
		start := len(dst)
		dst = append(dst, '[')
		for i, e := range elems {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.AppendJSON(f, dst)
			if f.Err != nil || !f.Bounded(len(dst)-start) {
				return dst
			}
		}
		return append(dst, ']')
	}
	return c.fold(n, elems...)
}

// evalAll evaluates nodes in order; false when one failed.
func evalAll(f *eval.Frame, nodes []*eval.Node) ([]eval.Value, bool) {
	if !f.Take(len(nodes) * eval.ValueSize) {
		return nil, false
	}
	list := make([]eval.Value, len(nodes))
	for i, n := range nodes {
		if list[i] = n.Eval(f); list[i].Kind == eval.Failed {
			return nil, false
		}
	}
	return list, true
}

// template compiles "a ${b} c". With null in it, the text is null.
func (c *rowCompiler) template(x *hclsyntax.TemplateExpr) *eval.Node {
	parts := make([]*eval.Node, 0, len(x.Parts))
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
	n := textNode(func(f *eval.Frame, dst []byte) ([]byte, bool) {
		start := len(dst)
		for _, p := range parts {
			var null bool
			dst, null = p.AppendText(f, dst)
			if null || f.Err != nil || !f.Bounded(len(dst)-start) {
				return dst[:start], null
			}
		}
		return dst, false
	})
	n.At = x.SrcRange
	return c.fold(n, parts...)
}

// textNode is a node for what appends a text.
func textNode(text func(*eval.Frame, []byte) ([]byte, bool)) *eval.Node {
	n := &eval.Node{Type: eval.TextType, EvalText: text}
	n.Eval = func(f *eval.Frame) eval.Value {
		null := false
		b := f.Build(func(f *eval.Frame, dst []byte) []byte {
			dst, null = text(f, dst)
			return dst
		})
		switch {
		case f.Err != nil:
			return eval.Value{Kind: eval.Failed}
		case null:
			return eval.Value{}
		}
		return eval.Text(b)
	}
	return n
}

// templateJoin compiles the body of a %{ for } in a template.
func (c *rowCompiler) templateJoin(x *hclsyntax.TemplateJoinExpr) *eval.Node {
	list := c.compile(x.Tuple)
	if list == nil {
		return nil
	}
	at := x.Range()
	n := textNode(func(f *eval.Frame, dst []byte) ([]byte, bool) {
		start, null := len(dst), false
		v := list.Eval(f)
		f.Each(v, eval.AnyType, at, func(_, elem eval.Value) bool {
			if elem.Kind == eval.NullKind {
				null = true
				return false
			}
			dst = eval.AppendText(f, dst, elem)
			return f.Bounded(len(dst) - start)
		})
		if null || v.Kind == eval.NullKind {
			return dst[:start], true
		}
		return dst, false
	})
	n.At = at
	return c.fold(n, list)
}
