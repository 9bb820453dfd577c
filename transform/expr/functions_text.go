package expr

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"
)

// textFunctions are the functions over texts.
var textFunctions = map[string]function{
	"upper":       onText(func(f *frame, s []byte) []byte { return mapped(f, s, bytes.ToUpper, 'a', 'z') }),
	"lower":       onText(func(f *frame, s []byte) []byte { return mapped(f, s, bytes.ToLower, 'A', 'Z') }),
	"title":       onText(func(_ *frame, s []byte) []byte { return []byte(strings.Title(string(s))) }), //nolint:staticcheck // as HCL's
	"trimspace":   onText(func(_ *frame, s []byte) []byte { return bytes.TrimSpace(s) }),
	"chomp":       onText(func(_ *frame, s []byte) []byte { return bytes.TrimRight(s, "\r\n") }),
	"strrev":      onText(reversed),
	"trim":        onTexts(func(_ *frame, s, set []byte) []byte { return bytes.Trim(s, string(set)) }),
	"trimprefix":  onTexts(func(_ *frame, s, prefix []byte) []byte { return bytes.TrimPrefix(s, prefix) }),
	"trimsuffix":  onTexts(func(_ *frame, s, suffix []byte) []byte { return bytes.TrimSuffix(s, suffix) }),
	"startswith":  testText(bytes.HasPrefix),
	"endswith":    testText(bytes.HasSuffix),
	"strcontains": testText(bytes.Contains),
	"tostring":    onText(func(_ *frame, s []byte) []byte { return s }),
	"base64encode": onText(func(f *frame, s []byte) []byte {
		return appended(f, func(b []byte) []byte { return base64.StdEncoding.AppendEncode(b, s) })
	}),
	"base64decode": {params: []param{textParam}, result: returns(textType), call: base64Decode},
	"strlen":       {params: []param{textParam}, result: returns(numberType), call: func(_ *frame, _ *site, a []val) val { return intVal(int64(characters(a[0].b))) }},
	"substr":       {params: []param{textParam, numberParam, numberParam}, result: returns(textType), call: substr},
	"replace":      {params: []param{textParam, textParam, textParam}, result: returns(textType), call: replace},
	"indent":       {params: []param{numberParam, textParam}, result: returns(textType), call: indent},
	"split":        {params: []param{textParam, textParam}, result: returns(&typ{class: listClass, elem: textType}), call: split},
	"join":         {params: []param{textParam, listParam}, rest: listParam, variadic: true, result: returns(textType), call: join},
	"jsonencode":   {params: []param{anyParam}, result: returns(textType), call: jsonEncode},
	"jsondecode":   {params: []param{textParam}, result: returns(anyType), call: jsonDecode},
}

func onText(do func(*frame, []byte) []byte) function {
	return function{params: []param{textParam}, result: returns(textType), call: func(f *frame, _ *site, a []val) val {
		return textVal(do(f, a[0].b))
	}}
}

func onTexts(do func(*frame, []byte, []byte) []byte) function {
	return function{params: []param{textParam, textParam}, result: returns(textType), call: func(f *frame, _ *site, a []val) val {
		return textVal(do(f, a[0].b, a[1].b))
	}}
}

func testText(do func(s, part []byte) bool) function {
	return function{params: []param{textParam, textParam}, result: returns(boolType), call: func(_ *frame, _ *site, a []val) val {
		return boolVal(do(a[0].b, a[1].b))
	}}
}

// appended returns what appender appends to the arena.
func appended(f *frame, appender func([]byte) []byte) []byte {
	start := len(f.arena)
	f.arena = appender(f.arena)
	return f.kept(start)
}

// mapped changes the case of a text: of ASCII in the arena, of any other text by convert.
func mapped(f *frame, s []byte, convert func([]byte) []byte, from, to byte) []byte {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			out := convert(s)
			f.take(len(out))
			return out
		}
	}
	start := len(f.arena)
	f.arena = append(f.arena, s...)
	for i, c := range f.arena[start:] {
		if c >= from && c <= to {
			f.arena[start+i] = c ^ 0x20
		}
	}
	return f.kept(start)
}

// character returns the length of the first character of a text as a reader sees it: a grapheme cluster, as for HCL's functions.
func character(s []byte) int {
	if len(s) == 1 || s[0] < utf8.RuneSelf && s[1] < utf8.RuneSelf && s[0] != '\r' {
		return 1
	}
	n, _, err := textseg.ScanGraphemeClusters(s, true)
	if err != nil || n <= 0 {
		return 1
	}
	return n
}

func characters(s []byte) (n int) {
	for len(s) > 0 {
		s = s[character(s):]
		n++
	}
	return n
}

func reversed(f *frame, s []byte) []byte {
	start := len(f.arena)
	f.arena = append(f.arena, s...)
	end := len(f.arena)
	for len(s) > 0 {
		n := character(s)
		end -= n
		copy(f.arena[end:], s[:n])
		s = s[n:]
	}
	return f.kept(start)
}

// substr takes a part by characters. A negative offset counts from the end, and a negative length means all of the rest.
func substr(f *frame, s *site, a []val) val {
	text := a[0].b
	offset, ok := whole(f, a[1], s.args[1])
	length, ok2 := whole(f, a[2], s.args[2])
	if !ok || !ok2 {
		return val{kind: failed}
	}
	if offset < 0 {
		offset += characters(text)
	}
	for ; offset > 0 && len(text) > 0; offset-- {
		text = text[character(text):]
	}
	if length < 0 {
		return textVal(text)
	}
	rest := text
	for ; length > 0 && len(rest) > 0; length-- {
		rest = rest[character(rest):]
	}
	return textVal(text[:len(text)-len(rest)])
}

// whole returns a number that has to be an integer.
func whole(f *frame, v val, at *node) (int, bool) {
	n, ok := f.num(v)
	i, whole := n.Integer()
	if !ok || !whole {
		f.fail(at.at, "this is not an integer")
	}
	return i, ok && whole
}

func replace(f *frame, _ *site, a []val) val {
	text, old, by := a[0].b, a[1].b, a[2].b
	if n := bytes.Count(text, old); !f.take(len(text) + n*max(0, len(by)-len(old))) {
		return val{kind: failed}
	}
	return textVal(bytes.ReplaceAll(text, old, by))
}

func indent(f *frame, s *site, a []val) val {
	spaces, ok := whole(f, a[0], s.args[0])
	if !ok || spaces < 0 || spaces > 1000 {
		return f.fail(s.args[0].at, "the indentation is a number from 0 to 1000")
	}
	text := a[1].b
	if !f.take(len(text) + spaces*bytes.Count(text, []byte{'\n'})) {
		return val{kind: failed}
	}
	return textVal(bytes.ReplaceAll(text, []byte{'\n'}, append([]byte{'\n'}, bytes.Repeat([]byte{' '}, spaces)...)))
}

func split(f *frame, _ *site, a []val) val {
	if !f.take((bytes.Count(a[1].b, a[0].b) + 1) * valSize) {
		return val{kind: failed}
	}
	parts := bytes.Split(a[1].b, a[0].b)
	list := make([]val, len(parts))
	for i, p := range parts {
		list[i] = textVal(p)
	}
	return listVal(list)
}

// join joins the texts of lists. With null among them, the result is null.
func join(f *frame, s *site, a []val) val {
	first, null := true, false
	b := f.build(func(f *frame, dst []byte) []byte {
		for i, list := range a[1:] {
			f.each(list, s.items[i+1], s.at, func(_, elem val) bool {
				if elem.kind == nullKind {
					null = true
					return false
				}
				if k := elem.class(); k == listClass || k == objectClass {
					f.fail(s.args[i+1].at, "a list of texts is needed")
					return false
				}
				if !first {
					dst = append(dst, a[0].b...)
				}
				first = false
				dst = appendScalar(f, dst, elem)
				return f.bounded(len(dst))
			})
		}
		return dst
	})
	if null {
		return val{}
	}
	return textVal(b)
}

func jsonEncode(f *frame, _ *site, a []val) val {
	v := a[0]
	return textVal(f.build(func(f *frame, dst []byte) []byte { return appendVal(f, dst, v) }))
}

func jsonDecode(f *frame, s *site, a []val) val {
	if !f.spend(4*len(a[0].b)) || !json.Valid(a[0].b) {
		return f.fail(s.args[0].at, "this is not JSON")
	}
	return f.resolve(a[0].b, s.args[0].at)
}

func base64Decode(f *frame, s *site, a []val) val {
	start := len(f.arena)
	out, err := base64.StdEncoding.AppendDecode(f.arena, a[0].b)
	if err != nil || !utf8.Valid(out[start:]) {
		return f.fail(s.args[0].at, "this is not the base64 of a text")
	}
	f.arena = out
	return textVal(f.kept(start))
}
