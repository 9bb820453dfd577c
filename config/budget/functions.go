package budget

import (
	"bytes"
	"errors"
	"math/bits"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// context returns the context with functions that are checked before they are called.
func (b *budget) context(x hclsyntax.Expression, ctx *hcl.EvalContext) *hcl.EvalContext {
	child := ctx.NewChild()
	child.Functions = map[string]function.Function{}
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is || call.Name == "try" || call.Name == "can" { // they take expressions
			return nil
		}
		if f, known := functionOf(ctx, call.Name); known {
			child.Functions[call.Name] = b.checked(call.Name, f)
		}
		return nil
	})
	return child
}

// functionOf looks a function up as HCL does.
func functionOf(ctx *hcl.EvalContext, name string) (function.Function, bool) {
	for ; ctx != nil; ctx = ctx.Parent() {
		if f, found := ctx.Functions[name]; found {
			return f, true
		}
	}
	return function.Function{}, false
}

// checked returns a function that takes what a call costs from the budget before it is called.
func (b *budget) checked(name string, f function.Function) function.Function {
	spec := &function.Spec{
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := b.check(name, args); err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
	}
	for _, p := range f.Params() {
		spec.Params = append(spec.Params, open(p))
	}
	if p := f.VarParam(); p != nil {
		o := open(*p)
		spec.VarParam = &o
	}
	return function.New(spec)
}

// open is a parameter without checks: the function itself handles null, unknown and marked values.
func open(p function.Parameter) function.Parameter {
	p.AllowNull, p.AllowUnknown, p.AllowDynamicType, p.AllowMarked = true, true, true, true
	return p
}

var (
	errLarge   = errors.New("the result would be too large")
	errWork    = errors.New("this would take too long")
	errPadding = errors.New("a width, a precision and an indentation are at most 1000")
	errNested  = errors.New("the JSON is nested too deep")
)

// check returns an error for a call that the budget does not cover. Nothing more is evaluated then.
func (b *budget) check(name string, args []cty.Value) error {
	err := b.afford(name, args)
	b.stopped = b.stopped || err != nil
	return err
}

func (b *budget) afford(name string, args []cty.Value) error {
	plain := make([]cty.Value, len(args))
	for i, a := range args {
		plain[i], _ = a.Unmark()
	}
	m := meter{limit: b.memory, steps: b.work}
	for _, a := range plain {
		if !m.add(a, 0) {
			return errLarge
		}
	}
	if estimate, multiplies := estimates[name]; multiplies {
		result, work, err := estimate(plain)
		switch {
		case err != nil:
			return err
		case result > b.memory:
			return errLarge
		case !b.spend(work):
			return errWork
		}
	}
	return nil
}

// estimates are the functions whose result, or whose work, can be larger than a multiple of their arguments. Each returns the bytes of the
// result and the steps, at most.
var estimates = map[string]func(args []cty.Value) (result, work int, err error){
	"setproduct": func(args []cty.Value) (int, int, error) {
		n := 1
		for _, a := range args {
			n = times(n, length(a))
		}
		n = times(n, len(args))
		return times(n, elementSize), n, nil
	},
	"format":     formatted,
	"formatlist": formatted,
	"indent": func(args []cty.Value) (int, int, error) {
		spaces := number(args, 0)
		if spaces > maxPadding {
			return 0, 0, errPadding
		}
		return times(spaces, 1+strings.Count(text(args, 1), "\n")), 0, nil
	},
	"join": func(args []cty.Value) (int, int, error) {
		n := 0
		for _, list := range args[1:] {
			n += length(list)
		}
		return times(n, len(text(args, 0))), 0, nil
	},
	"replace": func(args []cty.Value) (int, int, error) {
		s, old, by := text(args, 0), text(args, 1), text(args, 2)
		return times(strings.Count(s, old), len(by)), 0, nil
	},
	"regexreplace": func(args []cty.Value) (int, int, error) {
		s, pattern, by := text(args, 0), text(args, 1), text(args, 2)
		groups := times(strings.Count(by, "$"), len(s)) // the matches do not overlap
		return times(len(s)+1, len(by)) + groups, matching(pattern, s), nil
	},
	"split": func(args []cty.Value) (int, int, error) {
		s, separator := text(args, 1), text(args, 0)
		return times(1+strings.Count(s, separator), elementSize), 0, nil
	},
	"regex":    func(args []cty.Value) (int, int, error) { return 0, matching(text(args, 0), text(args, 1)), nil },
	"regexall": func(args []cty.Value) (int, int, error) { return 0, matching(text(args, 0), text(args, 1)), nil },
	"distinct": func(args []cty.Value) (int, int, error) {
		n := length(args[0])
		return 0, times(n, n), nil
	},
	"parseint": func(args []cty.Value) (int, int, error) {
		n := len(text(args, 0))
		return 0, times(n, n) / 1000, nil
	},
	"jsondecode": func(args []cty.Value) (int, int, error) {
		if depthOf(text(args, 0)) > maxNested {
			return 0, 0, errNested
		}
		return 0, 0, nil
	},
}

// formatted estimates a format: its widths, and an argument that several verbs name.
func formatted(args []cty.Value) (result, work int, err error) {
	s := text(args, 0)
	if widest(s) > maxPadding {
		return 0, 0, errPadding
	}
	longest, rows := maxPadding, 1
	for _, a := range args[1:] {
		m := meter{limit: maxMemory, steps: maxWork}
		m.add(a, 0)
		longest = max(longest, m.bytes)
		if a.IsKnown() && !a.IsNull() && (a.Type().IsListType() || a.Type().IsSetType()) {
			rows = max(rows, a.LengthInt())
		}
	}
	if rows > 1 {
		longest = longest/rows + maxPadding
	}
	return times(times(strings.Count(s, "%"), longest), rows), 0, nil
}

// matching estimates the steps of a regular expression on a text.
func matching(pattern, s string) int { return times(len(pattern), len(s)) / bytesOfStep }

// times multiplies sizes; what overflows is larger than every limit.
func times(a, b int) int {
	high, low := bits.Mul(uint(a), uint(b))
	if high != 0 || low > 1<<62 {
		return 1 << 62
	}
	return int(low)
}

// text returns an argument that is a known text, else "".
func text(args []cty.Value, i int) string {
	if i < len(args) && args[i].Type() == cty.String && args[i].IsKnown() && !args[i].IsNull() {
		return args[i].AsString()
	}
	return ""
}

// number returns an argument that is a known number, at most 1 << 62.
func number(args []cty.Value, i int) int {
	if i >= len(args) || args[i].Type() != cty.Number || !args[i].IsKnown() || args[i].IsNull() {
		return 0
	}
	n, _ := args[i].AsBigFloat().Int64()
	return int(max(0, min(n, 1<<62)))
}

// length returns the number of elements of an argument whose elements are known, else 0.
func length(v cty.Value) int {
	if v.IsKnown() && !v.IsNull() && v.CanIterateElements() {
		return v.LengthInt()
	}
	return 0
}

// widest returns the largest width or precision of a format.
func widest(s string) int {
	most, n, verb := 0, 0, false
	for _, c := range []byte(s) {
		switch {
		case c == '%':
			verb, n = !verb, 0
		case !verb:
		case c >= '0' && c <= '9':
			n = min(n*10+int(c-'0'), 1<<30)
			most = max(most, n)
		case strings.IndexByte("+-# .[]", c) >= 0:
			n = 0
		default:
			verb = false
		}
	}
	return most
}

// depthOf returns how deep the brackets of a JSON text are nested.
func depthOf(s string) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && bytes.IndexByte([]byte("[{"), c) >= 0:
			depth++
			deepest = max(deepest, depth)
		case !quoted && (c == ']' || c == '}'):
			depth--
		}
	}
	return deepest
}
