package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// loopBody is what a for does with each element.
type loopBody struct {
	key, value, when *eval.Node // key: nil for a list; when: nil for all elements
	group            bool
}

// loop compiles [for x in list : ...] and {for k, v in object : ...}.
func (c *rowCompiler) loop(x *hclsyntax.ForExpr) *eval.Node {
	source := c.compile(x.CollExpr)
	if source == nil {
		return nil
	}
	switch source.Type.Class {
	case eval.AnyClass, eval.NullClass, eval.ListClass, eval.ObjectClass:
	default:
		if !source.Type.Nested {
			return c.fail(x.CollExpr.Range(), "for needs a list or an object", source.Sentence()+".")
		}
	}
	return c.eachElement(source, x.ValVar, x.KeyVar, x.SrcRange, func() *loopBody { return c.loopBody(x) })
}

func (c *rowCompiler) loopBody(x *hclsyntax.ForExpr) *loopBody {
	b := &loopBody{group: x.Group}
	ok := true
	if x.CondExpr != nil {
		b.when = c.compile(x.CondExpr)
		ok = b.when != nil && c.boolean(b.when)
	}
	if x.KeyExpr != nil {
		b.key = c.compile(x.KeyExpr)
		ok = b.key != nil && c.scalar(b.key) && ok
	}
	b.value = c.compile(x.ValExpr)
	if b.value == nil || !ok {
		return nil
	}
	return b
}

// eachElement compiles a loop: with defines the variables and calls body.
func (c *rowCompiler) eachElement(source *eval.Node, value, key string, at hcl.Range, body func() *loopBody) *eval.Node {
	item := c.itemType(source)
	keyType := eval.NumberType
	switch {
	case source.Type.Class == eval.ObjectClass:
		item, keyType = source.Type.Item(), eval.TextType
		if source.Type.Row != nil {
			c.encoders(source.Type.Row)
			item = eval.AnyType
		}
	case source.Type.Class == eval.AnyClass || source.Type.Nested:
		keyType = eval.AnyType
	}
	outer := len(c.vars)
	c.vars = append(c.vars, variable{value, c.slots, item})
	slots := [2]int{c.slots, -1}
	c.slots++
	if key != "" {
		slots[1] = c.slots
		c.vars = append(c.vars, variable{key, c.slots, keyType})
		c.slots++
	}
	b := body()
	c.vars = c.vars[:outer]
	if b == nil {
		return nil
	}
	l := &loopRun{source: source, item: item, body: b, slots: slots, at: at}
	n := &eval.Node{At: at, Eval: l.list, EvalJSON: l.listJSON, Type: &eval.Type{Class: eval.ListClass, Elem: b.value.Type}}
	if b.key != nil {
		n.Eval, n.EvalJSON, n.Type = l.object, nil, &eval.Type{Class: eval.ObjectClass, Elem: b.value.Type}
		if b.group {
			n.Type = eval.ObjectType
		}
	}
	if item.Nested { // an element of the result may be a list, too
		n.Type = &eval.Type{Class: n.Type.Class}
	}
	return c.closeLoop(n, source, b)
}

// closeLoop finds what a loop depends on: its own variables no longer count.
func (c *rowCompiler) closeLoop(n, source *eval.Node, b *loopBody) *eval.Node {
	operands := []*eval.Node{source, b.value}
	for _, o := range []*eval.Node{b.key, b.when} {
		if o != nil {
			operands = append(operands, o)
		}
	}
	n.Level = eval.LevelOf(operands...)
	for _, o := range operands {
		n.Checks = n.Checks || o.Checks
	}
	if n.Level == eval.OnRow || len(c.vars) > 0 {
		n.Level = max(n.Level, eval.OnItems)
		if len(c.vars) == 0 || n.Level == eval.OnRow {
			n.Level = eval.OnRow
		}
		return n
	}
	n.Level = eval.OnNothing
	return c.folded(n)
}

// loopRun is a compiled loop.
type loopRun struct {
	source *eval.Node
	item   *eval.Type
	body   *loopBody
	slots  [2]int // of the value and of the key; -1: it has no key
	at     hcl.Range
}

// run calls do for each element that the loop does not skip, with the variables set. It returns the kind of the source.
func (l *loopRun) run(f *eval.Frame, do func() bool) eval.Kind {
	v := l.source.Eval(f)
	f.Each(v, l.item, l.at, func(key, elem eval.Value) bool {
		f.Items[l.slots[0]] = elem
		if l.slots[1] >= 0 {
			f.Items[l.slots[1]] = key
		}
		if when := l.body.when; when != nil {
			holds := f.Bool(when.Eval(f), when)
			if !holds.IsTrue() {
				return holds.Kind != eval.Failed
			}
		}
		return do() && f.Err == nil
	})
	if f.Err != nil {
		return eval.Failed
	}
	return v.Kind
}

func (l *loopRun) list(f *eval.Frame) eval.Value {
	list := []eval.Value{}
	k := l.run(f, func() bool {
		if !f.Take(eval.ValueSize) {
			return false
		}
		list = append(list, l.body.value.Eval(f))
		return true
	})
	if k == eval.NullKind || k == eval.Failed {
		return eval.Value{Kind: k}
	}
	return eval.List(list)
}

func (l *loopRun) listJSON(f *eval.Frame, dst []byte) []byte {
	start := len(dst)
	dst = append(dst, '[')
	k := l.run(f, func() bool {
		if len(dst) > start+1 {
			dst = append(dst, ',')
		}
		dst = l.body.value.AppendJSON(f, dst)
		return f.Bounded(len(dst) - start)
	})
	if k == eval.NullKind {
		return append(dst[:start], "null"...)
	}
	return append(dst, ']')
}

func (l *loopRun) object(f *eval.Frame) eval.Value {
	o := eval.ObjectBuilder{}
	k := l.run(f, func() bool {
		key := f.Text(l.body.key.Eval(f))
		switch {
		case key.Kind == eval.NullKind:
			f.Fail(l.body.key.At, "the key of an object is null")
			return false
		case key.Kind == eval.Failed || !f.Take(eval.ValueSize):
			return false
		case l.body.group:
			o.Group(key.Bytes, l.body.value.Eval(f))
			return true
		}
		if !o.Set(key.Bytes, l.body.value.Eval(f)) {
			f.Fail(l.body.key.At, "two elements have the same key; write ... after the value to group them")
			return false
		}
		return true
	})
	if k == eval.NullKind || k == eval.Failed {
		return eval.Value{Kind: k}
	}
	return o.Value()
}

// quotedText returns a text as a JSON string.
func quotedText(s string) []byte { return jsonvalue.AppendString(nil, []byte(s)) }
