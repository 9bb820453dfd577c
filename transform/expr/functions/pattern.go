package functions

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// patternFunctions are the functions with a constant pattern.
var patternFunctions = map[string]Function{
	"regex":        {params: []param{textParam, textParam}, result: matchType, prepare: preparePattern(0), call: regex},
	"regexreplace": {params: []param{textParam, textParam, textParam}, result: returns(eval.TextType), prepare: preparePattern(1), call: regexReplace},
	"format":       {params: []param{textParam}, rest: anyParam, variadic: true, result: returns(eval.TextType), prepare: prepareFormat, call: format},
}

// preparePattern compiles the regular expression that an argument is.
func preparePattern(i int) func(Checker, *Call) bool {
	return func(k Checker, s *Call) bool {
		n := s.Args[i]
		switch {
		case n.Checks:
			return true
		case !n.IsConstant():
			k.Fail(n.At, "a regular expression is a constant", `For texts of the row there are strcontains, startswith and endswith.`)
			return false
		case n.Value.Kind != eval.TextKind:
			return true
		}
		rx, err := regexp.Compile(string(n.Value.Bytes))
		if err == nil && hasNames(rx) && slices.Contains(rx.SubexpNames()[1:], "") {
			k.Fail(n.At, "the regular expression is not valid", "Either all groups have names or none has.")
			return false
		}
		if err != nil {
			k.Fail(n.At, "the regular expression is not valid", strings.TrimPrefix(err.Error(), "error parsing regexp: ")+".")
			return false
		}
		s.state = rx
		return true
	}
}

// matchType is a text, or with groups a list of texts, or with named groups an object.
func matchType(s *Call) *eval.Type {
	rx, ok := s.state.(*regexp.Regexp)
	switch {
	case !ok:
		return eval.AnyType
	case rx.NumSubexp() == 0:
		return eval.TextType
	case hasNames(rx):
		return &eval.Type{Class: eval.ObjectClass, Elem: eval.TextType}
	}
	return &eval.Type{Class: eval.ListClass, Elem: eval.TextType}
}

func hasNames(rx *regexp.Regexp) bool { return strings.Join(rx.SubexpNames(), "") != "" }

func regex(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	rx, ok := s.state.(*regexp.Regexp)
	if !ok || !f.Spend(len(a[1].Bytes)*64) {
		return eval.Value{Kind: eval.Failed}
	}
	if rx.NumSubexp() == 0 {
		at := rx.FindIndex(a[1].Bytes)
		if at == nil {
			return f.Fail(s.At, "the pattern does not match the text")
		}
		return eval.Text(a[1].Bytes[at[0]:at[1]])
	}
	groups := rx.FindSubmatchIndex(a[1].Bytes)
	if groups == nil {
		return f.Fail(s.At, "the pattern does not match the text")
	}
	o := eval.Box{}
	for i, name := range rx.SubexpNames()[1:] {
		v := eval.Value{}
		if from, to := groups[2*i+2], groups[2*i+3]; from >= 0 {
			v = eval.Text(a[1].Bytes[from:to])
		}
		o.Keys, o.List = append(o.Keys, []byte(name)), append(o.List, v)
	}
	if hasNames(rx) {
		return eval.Value{Kind: eval.ObjectKind, Box: &o}
	}
	return eval.List(o.List)
}

func regexReplace(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	rx, ok := s.state.(*regexp.Regexp)
	text, by := a[0].Bytes, a[2].Bytes
	if !ok || !f.Spend(len(text)*64) || !f.Bounded((len(text)+1)*(len(by)+1)) {
		return eval.Value{Kind: eval.Failed}
	}
	out := rx.ReplaceAll(text, by)
	if !f.Take(len(out)) {
		return eval.Value{Kind: eval.Failed}
	}
	return eval.Text(out)
}
