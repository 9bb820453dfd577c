package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// param is what a parameter of a function takes.
type param uint8

const (
	anyParam    param = iota // also null
	textParam                // a scalar, as its text
	numberParam              // a number, or a text that is one
	listParam
	objectParam
	collectionParam // a list or an object
	timeParam       // a time, or a text that is one
)

// String returns what a diagnostic says that the function needs.
func (p param) String() string {
	return [...]string{"a value", "a text", "a number", "a list", "an object", "a list or an object", "a time"}[p]
}

// site is one call of a function.
type site struct {
	name  string
	at    hcl.Range
	args  []*node
	items []*typ // the types of the elements of arguments that are lists or objects
	state any    // what the function keeps between rows
}

// function is a function over the values of a row. A null argument gives null, but for anyParam.
type function struct {
	params   []param
	optional int   // how many of the last parameters may be left out
	rest     param // of further arguments
	variadic bool
	result   func(*site) *typ
	prepare  func(*rowCompiler, *site) bool // checks the call and fills its state; nil: nothing to do. It reports problems
	call     func(*frame, *site, []val) val
}

func returns(t *typ) func(*site) *typ { return func(*site) *typ { return t } }

// rowFunctions are the functions over the values of a row. Others take what is known when the file is read.
var rowFunctions = mergeFunctions(textFunctions, numberFunctions, collectionFunctions, hashFunctions, timeFunctions, patternFunctions)

func mergeFunctions(all ...map[string]function) map[string]function {
	merged := map[string]function{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

// call compiles the call of a function.
func (c *rowCompiler) call(x *hclsyntax.FunctionCallExpr) *node {
	switch x.Name {
	case "try":
		return c.try(x)
	case "can":
		return c.can(x)
	case "coalesce":
		return c.coalesce(x)
	}
	fn, ok := rowFunctions[x.Name]
	if !ok || x.ExpandFinal {
		return c.constantCall(x, ok)
	}
	s := &site{name: x.Name, at: x.Range()}
	for _, a := range x.Args {
		n := c.compile(a)
		s.args = append(s.args, n)
	}
	if slices.Contains(s.args, nil) || !c.arity(x, fn) {
		return nil
	}
	for i, a := range s.args {
		if !c.fits(a, fn.param(i)) {
			return nil
		}
		s.items = append(s.items, c.elementType(a))
	}
	if fn.prepare != nil && !fn.prepare(c, s) {
		return nil
	}
	n := &node{at: s.at, typ: fn.result(s), eval: func(f *frame) val { return f.call(&fn, s) }}
	return c.fold(n, s.args...)
}

// elementType returns the type of what a list or an object has, and prepares a row that is used as an object.
func (c *rowCompiler) elementType(n *node) *typ {
	if n.typ.row != nil {
		c.encoders(n.typ.row)
		return anyType
	}
	if n.typ.class == objectClass {
		return n.typ.item()
	}
	return c.itemType(n)
}

// constantCall evaluates a call that does not depend on a row by HCL's evaluator.
func (c *rowCompiler) constantCall(x *hclsyntax.FunctionCallExpr, expanded bool) *node {
	for _, t := range x.Variables() {
		if t.RootName() == "local" && c.find("local") < 0 {
			continue
		}
		if expanded {
			return c.fail(x.NameRange, "... is not supported on row values", "Write the arguments one by one.")
		}
		return c.fail(x.NameRange, fmt.Sprintf("%s() is not supported on row values", x.Name), fmt.Sprintf(
			"It takes what is known when the file is read: literals, local and env(). On row values there are %s.", supported()))
	}
	if expensive(x) {
		return c.fail(x.NameRange, "this constant is too expensive", "Write its value, or a simpler expression.")
	}
	return c.evaluate(x)
}

// expensive reports a constant whose size is the product of several sizes.
func expensive(x hclsyntax.Expression) bool {
	products := 0
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			products++
		case *hclsyntax.FunctionCallExpr:
			if n.Name == "setproduct" || n.Name == "formatlist" || n.Name == "format" || n.Name == "indent" {
				products++
			}
		}
		return nil
	})
	return products > 1
}

// supported lists the functions over row values.
func supported() string {
	names := append(slices.Collect(maps.Keys(rowFunctions)), "try", "can", "coalesce")
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (fn *function) param(i int) param {
	if i < len(fn.params) {
		return fn.params[i]
	}
	return fn.rest
}

// arity reports a wrong number of arguments.
func (c *rowCompiler) arity(x *hclsyntax.FunctionCallExpr, fn function) bool {
	least, most := len(fn.params)-fn.optional, len(fn.params)
	switch {
	case len(x.Args) < least:
		c.fail(x.NameRange, "not enough function arguments", fmt.Sprintf("%s() takes %s.", x.Name, counted(least, most, fn.variadic)))
	case len(x.Args) > most && !fn.variadic:
		c.fail(x.Args[most].Range(), "too many function arguments", fmt.Sprintf("%s() takes %s.", x.Name, counted(least, most, false)))
	default:
		return true
	}
	return false
}

func counted(least, most int, variadic bool) string {
	switch {
	case variadic:
		return fmt.Sprintf("at least %d", least)
	case least < most:
		return fmt.Sprintf("%d or %d", least, most)
	case least == 1:
		return "one"
	}
	return fmt.Sprint(least)
}

// fits reports an argument that is never what a parameter takes.
func (c *rowCompiler) fits(n *node, p param) bool {
	k := n.typ.class
	ok := k == anyClass || k == nullClass || n.typ.nested
	switch p {
	case anyParam:
		ok = true
	case textParam:
		ok = ok || k != listClass && k != objectClass
	case numberParam:
		ok = ok || k == numberClass || k == textClass && n.constant()
	case listParam:
		ok = ok || k == listClass
	case objectParam:
		ok = ok || k == objectClass
	case collectionParam:
		ok = ok || k == listClass || k == objectClass
	case timeParam:
		ok = ok || k == timeClass || k == textClass
	}
	if !ok {
		detail := sentence(nameOf(n)) + "."
		switch {
		case p == numberParam && k == textClass:
			detail += " Convert it with tonumber(...)."
		case p == listParam && k == textClass || p == collectionParam && k == textClass:
			detail += " For texts there are strlen, strcontains, startswith and endswith."
		}
		c.fail(n.at, fmt.Sprintf("this needs %s", p), detail)
	}
	return ok
}

// call evaluates the arguments, which are on the frame's stack while the function runs.
func (f *frame) call(fn *function, s *site) val {
	base := len(f.stack)
	for i, a := range s.args {
		v := f.argument(a.eval(f), fn.param(i), a)
		if v.kind == failed || v.kind == nullKind && fn.param(i) != anyParam {
			f.stack = f.stack[:base]
			return v
		}
		f.stack = append(f.stack, v)
	}
	v := val{kind: failed}
	if f.spend(32) {
		v = fn.call(f, s, f.stack[base:])
	}
	f.stack = f.stack[:base]
	if f.err != nil {
		return val{kind: failed}
	}
	return v
}

// argument converts an argument to what the parameter takes.
func (f *frame) argument(v val, p param, at *node) val {
	if v.kind == nullKind || v.kind == failed {
		return v
	}
	switch k := v.class(); {
	case p == anyParam:
		return v
	case p == textParam && k != listClass && k != objectClass:
		if v = f.asText(v); len(v.b) > 0 && !f.spend(len(v.b)) {
			return val{kind: failed}
		}
		return v
	case p == numberParam:
		return f.asNumber(v, at)
	case p == listParam && k == listClass, p == objectParam && k == objectClass,
		p == collectionParam && (k == listClass || k == objectClass):
		return v
	case p == timeParam && (k == textClass || k == timeClass):
		if _, ok := v.micros(); ok {
			return v
		}
	}
	return f.fail(at.at, fmt.Sprintf("this is not %s", p))
}
