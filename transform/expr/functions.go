package expr

import (
	"fmt"
	"maps"

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
	function *function
	at       hcl.Range
	args     []*node
	items    []*typ // the types of the elements of arguments that are lists or objects
	state    any    // what the function keeps between rows
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

// eval evaluates the arguments, which are on the frame's stack while the function runs, and calls it.
func (s *site) eval(f *frame) val {
	fn := s.function
	base := len(f.stack)
	for i, a := range s.args {
		v := argument(f, a.eval(f), fn.param(i), a)
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
func argument(f *frame, v val, p param, at *node) val {
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
