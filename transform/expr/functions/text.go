package functions

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"

	"github.com/tailrace/tailrace/transform/expr/eval"
)

// textFunctions are the functions over texts.
var textFunctions = map[string]Function{
	"upper":       onText(func(f *eval.Frame, s []byte) []byte { return mapped(f, s, bytes.ToUpper, 'a', 'z') }),
	"lower":       onText(func(f *eval.Frame, s []byte) []byte { return mapped(f, s, bytes.ToLower, 'A', 'Z') }),
	"title":       onText(func(_ *eval.Frame, s []byte) []byte { return []byte(strings.Title(string(s))) }), //nolint:staticcheck // as HCL's
	"trimspace":   onText(func(_ *eval.Frame, s []byte) []byte { return bytes.TrimSpace(s) }),
	"chomp":       onText(func(_ *eval.Frame, s []byte) []byte { return bytes.TrimRight(s, "\r\n") }),
	"strrev":      onText(reversed),
	"trim":        onTexts(func(_ *eval.Frame, s, set []byte) []byte { return bytes.Trim(s, string(set)) }),
	"trimprefix":  onTexts(func(_ *eval.Frame, s, prefix []byte) []byte { return bytes.TrimPrefix(s, prefix) }),
	"trimsuffix":  onTexts(func(_ *eval.Frame, s, suffix []byte) []byte { return bytes.TrimSuffix(s, suffix) }),
	"startswith":  testText(bytes.HasPrefix),
	"endswith":    testText(bytes.HasSuffix),
	"strcontains": testText(bytes.Contains),
	"tostring":    onText(func(_ *eval.Frame, s []byte) []byte { return s }),
	"base64encode": onText(func(f *eval.Frame, s []byte) []byte {
		return appended(f, func(b []byte) []byte { return base64.StdEncoding.AppendEncode(b, s) })
	}),
	"base64decode": {params: []param{textParam}, result: returns(eval.TextType), call: base64Decode},
	"strlen": {params: []param{textParam}, result: returns(eval.NumberType), call: func(_ *eval.Frame, _ *Call, a []eval.Value) eval.Value {
		return eval.Int(int64(characters(a[0].Bytes)))
	}},
	"substr":     {params: []param{textParam, numberParam, numberParam}, result: returns(eval.TextType), call: substr},
	"replace":    {params: []param{textParam, textParam, textParam}, result: returns(eval.TextType), call: replace},
	"indent":     {params: []param{numberParam, textParam}, result: returns(eval.TextType), call: indent},
	"split":      {params: []param{textParam, textParam}, result: returns(&eval.Type{Class: eval.ListClass, Elem: eval.TextType}), call: split},
	"join":       {params: []param{textParam, listParam}, rest: listParam, variadic: true, result: returns(eval.TextType), call: join},
	"jsonencode": {params: []param{anyParam}, result: returns(eval.TextType), call: jsonEncode},
	"jsondecode": {params: []param{textParam}, result: returns(eval.AnyType), call: jsonDecode},
}

func onText(do func(*eval.Frame, []byte) []byte) Function {
	return Function{params: []param{textParam}, result: returns(eval.TextType), call: func(f *eval.Frame, _ *Call, a []eval.Value) eval.Value {
		return eval.Text(do(f, a[0].Bytes))
	}}
}

func onTexts(do func(*eval.Frame, []byte, []byte) []byte) Function {
	return Function{params: []param{textParam, textParam}, result: returns(eval.TextType), call: func(f *eval.Frame, _ *Call, a []eval.Value) eval.Value {
		return eval.Text(do(f, a[0].Bytes, a[1].Bytes))
	}}
}

func testText(do func(s, part []byte) bool) Function {
	return Function{params: []param{textParam, textParam}, result: returns(eval.BoolType), call: func(_ *eval.Frame, _ *Call, a []eval.Value) eval.Value {
		return eval.Bool(do(a[0].Bytes, a[1].Bytes))
	}}
}

// appended returns what appender appends to the arena.
func appended(f *eval.Frame, appender func([]byte) []byte) []byte {
	start := len(f.Arena)
	f.Arena = appender(f.Arena)
	return f.Kept(start)
}

// mapped changes the case of a text: of ASCII in the arena, of any other text by convert.
func mapped(f *eval.Frame, s []byte, convert func([]byte) []byte, from, to byte) []byte {
	for _, c := range s {
		if c >= utf8.RuneSelf {
			out := convert(s)
			f.Take(len(out))
			return out
		}
	}
	start := len(f.Arena)
	f.Arena = append(f.Arena, s...)
	for i, c := range f.Arena[start:] {
		if c >= from && c <= to {
			f.Arena[start+i] = c ^ 0x20
		}
	}
	return f.Kept(start)
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

func reversed(f *eval.Frame, s []byte) []byte {
	start := len(f.Arena)
	f.Arena = append(f.Arena, s...)
	end := len(f.Arena)
	for len(s) > 0 {
		n := character(s)
		end -= n
		copy(f.Arena[end:], s[:n])
		s = s[n:]
	}
	return f.Kept(start)
}

// substr takes a part by characters. A negative offset counts from the end, and a negative length means all of the rest.
func substr(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	text := a[0].Bytes
	offset, ok := whole(f, a[1], s.Args[1])
	length, ok2 := whole(f, a[2], s.Args[2])
	if !ok || !ok2 {
		return eval.Value{Kind: eval.Failed}
	}
	if offset < 0 {
		offset += characters(text)
	}
	for ; offset > 0 && len(text) > 0; offset-- {
		text = text[character(text):]
	}
	if length < 0 {
		return eval.Text(text)
	}
	rest := text
	for ; length > 0 && len(rest) > 0; length-- {
		rest = rest[character(rest):]
	}
	return eval.Text(text[:len(text)-len(rest)])
}

// whole returns a number that has to be an integer.
func whole(f *eval.Frame, v eval.Value, at *eval.Node) (int, bool) {
	n, ok := f.Decimal(v)
	i, whole := n.Integer()
	if !ok || !whole {
		f.Fail(at.At, "this is not an integer")
	}
	return i, ok && whole
}

func replace(f *eval.Frame, _ *Call, a []eval.Value) eval.Value {
	text, old, by := a[0].Bytes, a[1].Bytes, a[2].Bytes
	if n := bytes.Count(text, old); !f.Take(len(text) + n*max(0, len(by)-len(old))) {
		return eval.Value{Kind: eval.Failed}
	}
	return eval.Text(bytes.ReplaceAll(text, old, by))
}

func indent(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	spaces, ok := whole(f, a[0], s.Args[0])
	if !ok || spaces < 0 || spaces > 1000 {
		return f.Fail(s.Args[0].At, "the indentation is a number from 0 to 1000")
	}
	text := a[1].Bytes
	if !f.Take(len(text) + spaces*bytes.Count(text, []byte{'\n'})) {
		return eval.Value{Kind: eval.Failed}
	}
	return eval.Text(bytes.ReplaceAll(text, []byte{'\n'}, append([]byte{'\n'}, bytes.Repeat([]byte{' '}, spaces)...)))
}

func split(f *eval.Frame, _ *Call, a []eval.Value) eval.Value {
	if !f.Take((bytes.Count(a[1].Bytes, a[0].Bytes) + 1) * eval.ValueSize) {
		return eval.Value{Kind: eval.Failed}
	}
	parts := bytes.Split(a[1].Bytes, a[0].Bytes)
	list := make([]eval.Value, len(parts))
	for i, p := range parts {
		list[i] = eval.Text(p)
	}
	return eval.List(list)
}

// join joins the texts of lists. With null among them, the result is null.
func join(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	first, null := true, false
	b := f.Build(func(f *eval.Frame, dst []byte) []byte {
		for i, list := range a[1:] {
			f.Each(list, s.Items[i+1], s.At, func(_, elem eval.Value) bool {
				if elem.Kind == eval.NullKind {
					null = true
					return false
				}
				if k := elem.Class(); k == eval.ListClass || k == eval.ObjectClass {
					f.Fail(s.Args[i+1].At, "a list of texts is needed")
					return false
				}
				if !first {
					dst = append(dst, a[0].Bytes...)
				}
				first = false
				dst = eval.AppendText(f, dst, elem)
				return f.Bounded(len(dst))
			})
		}
		return dst
	})
	if null {
		return eval.Value{}
	}
	return eval.Text(b)
}

func jsonEncode(f *eval.Frame, _ *Call, a []eval.Value) eval.Value {
	v := a[0]
	return eval.Text(f.Build(func(f *eval.Frame, dst []byte) []byte { return eval.AppendJSON(f, dst, v) }))
}

func jsonDecode(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	if !f.Spend(4*len(a[0].Bytes)) || !json.Valid(a[0].Bytes) {
		return f.Fail(s.Args[0].At, "this is not JSON")
	}
	return f.JSON(a[0].Bytes, s.Args[0].At)
}

func base64Decode(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	start := len(f.Arena)
	out, err := base64.StdEncoding.AppendDecode(f.Arena, a[0].Bytes)
	if err != nil || !utf8.Valid(out[start:]) {
		return f.Fail(s.Args[0].At, "this is not the base64 of a text")
	}
	f.Arena = out
	return eval.Text(f.Kept(start))
}
