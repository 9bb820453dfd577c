package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// loopBody is what a for does with each element.
type loopBody struct {
	key, value, when *node // key: nil for a list; when: nil for all elements
	group            bool
}

// loop compiles [for x in list : ...] and {for k, v in object : ...}.
func (c *rowCompiler) loop(x *hclsyntax.ForExpr) *node {
	source := c.compile(x.CollExpr)
	if source == nil {
		return nil
	}
	switch source.typ.class {
	case anyClass, nullClass, listClass, objectClass:
	default:
		if !source.typ.nested {
			return c.fail(x.CollExpr.Range(), "for needs a list or an object", sentence(nameOf(source))+".")
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
func (c *rowCompiler) eachElement(source *node, value, key string, at hcl.Range, body func() *loopBody) *node {
	item := c.itemType(source)
	keyType := numberType
	switch {
	case source.typ.class == objectClass:
		item, keyType = source.typ.item(), textType
		if source.typ.row != nil {
			c.encoders(source.typ.row)
			item = anyType
		}
	case source.typ.class == anyClass || source.typ.nested:
		keyType = anyType
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
	n := &node{at: at, eval: l.list, json: l.listJSON, typ: &typ{class: listClass, elem: b.value.typ}}
	if b.key != nil {
		n.eval, n.json, n.typ = l.object, nil, &typ{class: objectClass, elem: b.value.typ}
		if b.group {
			n.typ = objectType
		}
	}
	if item.nested { // an element of the result may be a list, too
		n.typ = &typ{class: n.typ.class}
	}
	return c.closeLoop(n, source, b)
}

// closeLoop finds what a loop depends on: its own variables no longer count.
func (c *rowCompiler) closeLoop(n, source *node, b *loopBody) *node {
	operands := []*node{source, b.value}
	for _, o := range []*node{b.key, b.when} {
		if o != nil {
			operands = append(operands, o)
		}
	}
	n.level = levelOf(operands...)
	for _, o := range operands {
		n.checks = n.checks || o.checks
	}
	if n.level == onRow || len(c.vars) > 0 {
		n.level = max(n.level, onItems)
		if len(c.vars) == 0 || n.level == onRow {
			n.level = onRow
		}
		return n
	}
	n.level = onNothing
	return c.folded(n)
}

// loopRun is a compiled loop.
type loopRun struct {
	source *node
	item   *typ
	body   *loopBody
	slots  [2]int // of the value and of the key; -1: it has no key
	at     hcl.Range
}

// run calls do for each element that the loop does not skip, with the variables set. It returns the kind of the source.
func (l *loopRun) run(f *frame, do func() bool) kind {
	v := l.source.eval(f)
	f.each(v, l.item, l.at, func(key, elem val) bool {
		f.items[l.slots[0]] = elem
		if l.slots[1] >= 0 {
			f.items[l.slots[1]] = key
		}
		if when := l.body.when; when != nil {
			holds := f.asBool(when.eval(f), when)
			if !holds.isTrue() {
				return holds.kind != failed
			}
		}
		return do() && f.err == nil
	})
	if f.err != nil {
		return failed
	}
	return v.kind
}

func (l *loopRun) list(f *frame) val {
	list := []val{}
	k := l.run(f, func() bool {
		if !f.take(valSize) {
			return false
		}
		list = append(list, l.body.value.eval(f))
		return true
	})
	if k == nullKind || k == failed {
		return val{kind: k}
	}
	return listVal(list)
}

func (l *loopRun) listJSON(f *frame, dst []byte) []byte {
	start := len(dst)
	dst = append(dst, '[')
	k := l.run(f, func() bool {
		if len(dst) > start+1 {
			dst = append(dst, ',')
		}
		dst = l.body.value.appendJSON(f, dst)
		return f.bounded(len(dst) - start)
	})
	if k == nullKind {
		return append(dst[:start], "null"...)
	}
	return append(dst, ']')
}

func (l *loopRun) object(f *frame) val {
	o := objectBuilder{}
	k := l.run(f, func() bool {
		key := f.asText(l.body.key.eval(f))
		switch {
		case key.kind == nullKind:
			f.fail(l.body.key.at, "the key of an object is null")
			return false
		case key.kind == failed || !f.take(valSize):
			return false
		case l.body.group:
			o.group(key.b, l.body.value.eval(f))
			return true
		}
		if !o.set(key.b, l.body.value.eval(f)) {
			f.fail(l.body.key.at, "two elements have the same key; write ... after the value to group them")
			return false
		}
		return true
	})
	if k == nullKind || k == failed {
		return val{kind: k}
	}
	return o.value()
}

// quotedText returns a text as a JSON string.
func quotedText(s string) []byte { return jsonvalue.AppendString(nil, []byte(s)) }
