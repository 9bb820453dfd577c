package expr

import (
	"regexp"
	"slices"
	"strings"
)

// patternFunctions are the functions with a constant pattern.
var patternFunctions = map[string]function{
	"regex":        {params: []param{textParam, textParam}, result: matchType, prepare: preparePattern(0), call: regex},
	"regexreplace": {params: []param{textParam, textParam, textParam}, result: returns(textType), prepare: preparePattern(1), call: regexReplace},
	"format":       {params: []param{textParam}, rest: anyParam, variadic: true, result: returns(textType), prepare: prepareFormat, call: format},
}

// preparePattern compiles the regular expression that an argument is.
func preparePattern(i int) func(*rowCompiler, *site) bool {
	return func(c *rowCompiler, s *site) bool {
		n := s.args[i]
		switch {
		case n.checks:
			return true
		case !n.constant():
			c.fail(n.at, "a regular expression is a constant", `For texts of the row there are strcontains, startswith and endswith.`)
			return false
		case n.value.kind != textKind:
			return true
		}
		rx, err := regexp.Compile(string(n.value.b))
		if err == nil && hasNames(rx) && slices.Contains(rx.SubexpNames()[1:], "") {
			c.fail(n.at, "the regular expression is not valid", "Either all groups have names or none has.")
			return false
		}
		if err != nil {
			c.fail(n.at, "the regular expression is not valid", strings.TrimPrefix(err.Error(), "error parsing regexp: ")+".")
			return false
		}
		s.state = rx
		return true
	}
}

// matchType is a text, or with groups a list of texts, or with named groups an object.
func matchType(s *site) *typ {
	rx, ok := s.state.(*regexp.Regexp)
	switch {
	case !ok:
		return anyType
	case rx.NumSubexp() == 0:
		return textType
	case hasNames(rx):
		return &typ{class: objectClass, elem: textType}
	}
	return &typ{class: listClass, elem: textType}
}

func hasNames(rx *regexp.Regexp) bool { return strings.Join(rx.SubexpNames(), "") != "" }

func regex(f *frame, s *site, a []val) val {
	rx, ok := s.state.(*regexp.Regexp)
	if !ok || !f.spend(len(a[1].b)*64) {
		return val{kind: failed}
	}
	if rx.NumSubexp() == 0 {
		at := rx.FindIndex(a[1].b)
		if at == nil {
			return f.fail(s.at, "the pattern does not match the text")
		}
		return textVal(a[1].b[at[0]:at[1]])
	}
	groups := rx.FindSubmatchIndex(a[1].b)
	if groups == nil {
		return f.fail(s.at, "the pattern does not match the text")
	}
	o := box{}
	for i, name := range rx.SubexpNames()[1:] {
		v := val{}
		if from, to := groups[2*i+2], groups[2*i+3]; from >= 0 {
			v = textVal(a[1].b[from:to])
		}
		o.keys, o.list = append(o.keys, []byte(name)), append(o.list, v)
	}
	if hasNames(rx) {
		return val{kind: objectKind, p: &o}
	}
	return listVal(o.list)
}

func regexReplace(f *frame, s *site, a []val) val {
	rx, ok := s.state.(*regexp.Regexp)
	text, by := a[0].b, a[2].b
	if !ok || !f.spend(len(text)*64) || !f.bounded((len(text)+1)*(len(by)+1)) {
		return val{kind: failed}
	}
	out := rx.ReplaceAll(text, by)
	if !f.take(len(out)) {
		return val{kind: failed}
	}
	return textVal(out)
}
