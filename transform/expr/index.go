package expr

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform/expr/eval"
)

// steps compiles the attributes and indexes after a value.
func (c *rowCompiler) steps(n *eval.Node, steps []hcl.Traverser, at hcl.Range) *eval.Node {
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
			n = c.constantIndex(n, eval.Constant(key, s.SrcRange), place)
		default:
			return c.fail(place, "this is not supported in an expression over a row", "Write [for x in list : x.name].")
		}
	}
	return n
}

func (c *rowCompiler) constantIndex(n, key *eval.Node, at hcl.Range) *eval.Node {
	if key.Value.Kind == eval.TextKind {
		return c.attribute(n, string(key.Value.Bytes), at)
	}
	return c.element(n, key, at)
}

// attribute compiles the field of an object, or the member of a JSON object.
func (c *rowCompiler) attribute(n *eval.Node, name string, at hcl.Range) *eval.Node {
	t := n.Type
	switch {
	case n.Item > 0 && t.Row != nil:
		return c.itemColumn(n, name, at)
	case t.Row != nil:
		return c.rowField(n, name, at)
	case t.Class == eval.AnyClass, t.Class == eval.NullClass, t.Nested:
	case t.Class == eval.ObjectClass && (!t.Closed || t.Field(name) != nil):
	case t.Class == eval.ObjectClass:
		detail := config.Suggest(name, t.FieldNames())
		if detail == "" {
			detail = "It has " + someOf(t.FieldNames()) + "."
		}
		return c.fail(at, fmt.Sprintf("there is no attribute %s", name), detail)
	case t.Class == eval.ListClass:
		return c.fail(at, "a list has no attributes", fmt.Sprintf("Write [0].%s for the first element, or [for x in list : x.%s].", name, name))
	default:
		return c.fail(at, fmt.Sprintf("%s has no attributes", t.Class), n.Sentence()+".")
	}
	field := t.Field(name)
	if field == nil {
		field = t.Item()
		if t.Class != eval.ObjectClass {
			field = eval.AnyType
		}
	}
	key := []byte(name)
	out := &eval.Node{At: at, Type: field, Name: pathOf(n, name)}
	out.Eval = func(f *eval.Frame) eval.Value { return field.Typed(f.Field(n.Eval(f), key, at)) }
	return c.fold(out, n)
}

func pathOf(n *eval.Node, name string) string {
	if n.Name == "" {
		return ""
	}
	return n.Name + "." + name
}

// index compiles value[key].
func (c *rowCompiler) index(n, key *eval.Node, x *hclsyntax.IndexExpr) *eval.Node {
	if n == nil || key == nil {
		return nil
	}
	if key.IsConstant() {
		return c.constantIndex(n, key, x.SrcRange)
	}
	switch n.Type.Class {
	case eval.AnyClass, eval.NullClass, eval.ListClass, eval.ObjectClass:
	default:
		if !n.Type.Nested {
			return c.fail(x.SrcRange, fmt.Sprintf("%s has no elements", n.Type.Class), n.Sentence()+".")
		}
	}
	at := x.SrcRange
	if n.Type.Class == eval.ObjectClass || key.Type.Class == eval.TextClass {
		item := n.Type.Item()
		if n.Type.Row != nil {
			item = eval.AnyType
			c.encoders(n.Type.Row)
		}
		out := &eval.Node{At: at, Type: item}
		out.Eval = func(f *eval.Frame) eval.Value {
			v, k := n.Eval(f), f.Text(key.Eval(f))
			if k.Kind != eval.TextKind {
				return k
			}
			return item.Typed(f.Field(v, k.Bytes, at))
		}
		return c.fold(out, n, key)
	}
	return c.element(n, key, at)
}

// element compiles the element of a list, or of a JSON array.
func (c *rowCompiler) element(n, key *eval.Node, at hcl.Range) *eval.Node {
	t := n.Type
	switch {
	case t.Class == eval.AnyClass, t.Class == eval.NullClass, t.Class == eval.ListClass, t.Nested:
	default:
		return c.fail(at, fmt.Sprintf("%s has no elements", t.Class), n.Sentence()+".")
	}
	if k := key.Type.Class; k != eval.NumberClass && k != eval.AnyClass && k != eval.NullClass {
		return c.fail(key.At, "an index is a number", key.Sentence()+".")
	}
	item := c.itemType(n)
	out := &eval.Node{At: at, Type: item}
	out.Eval = func(f *eval.Frame) eval.Value {
		v, k := n.Eval(f), key.Eval(f)
		if v.Kind == eval.Failed || k.Kind == eval.Failed {
			return eval.Value{Kind: eval.Failed}
		}
		if k.Kind == eval.TextKind { // of a value that may have any type
			return f.Field(v, k.Bytes, at)
		}
		i, ok := f.IndexOf(k)
		if !ok {
			return eval.Value{}
		}
		return item.Typed(f.ElementOf(v, i, at))
	}
	return c.fold(out, n, key)
}

// itemType returns the type of the elements of a list.
func (c *rowCompiler) itemType(n *eval.Node) *eval.Type {
	switch {
	case n.Type.Nested && n.Type.Class != eval.ListClass:
		return n.Type
	case n.Type.Class == eval.ListClass:
		return n.Type.Item()
	}
	return eval.AnyType
}

// splat compiles list[*].name, which is [for x in list : x.name].
func (c *rowCompiler) splat(x *hclsyntax.SplatExpr) *eval.Node {
	source := c.compile(x.Source)
	if source == nil {
		return nil
	}
	if k := source.Type.Class; k != eval.ListClass && k != eval.AnyClass && k != eval.NullClass {
		return c.fail(x.MarkerRange, "this is not a list", strings.TrimSpace(source.Sentence()+". [*] is for lists."))
	}
	return c.eachElement(source, splatItem, "", x.SrcRange, func() *loopBody {
		elem := c.compile(x.Each)
		if elem == nil {
			return nil
		}
		return &loopBody{value: elem}
	})
}
