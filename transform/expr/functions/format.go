package functions

import (
	"bytes"
	"fmt"

	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/jsonvalue"
)

// verb is a part of a format: a literal, or a verb such as %05d.
type verb struct {
	literal    []byte
	letter     byte
	zero, left bool
	width      int
	precision  int // -1: none
}

// maxWidth limits the width and the precision of a verb.
const maxWidth = 1000

// prepareFormat reads a constant format.
func prepareFormat(k Checker, s *Call) bool {
	n := s.Args[0]
	switch {
	case n.Checks:
		return true
	case !n.IsConstant():
		k.Fail(n.At, "a format is a constant", `Write a text such as "%s-%05d", or a template.`)
		return false
	case n.Value.Kind != eval.TextKind:
		return true
	}
	verbs, why := parseFormat(n.Value.Bytes)
	if why != "" {
		k.Fail(n.At, why, "On row values there are %s %v %q %d %t %f and %%, with a width, as in %05d or %-8s, and a precision, as in %.2f.")
		return false
	}
	used := 0
	for _, v := range verbs {
		if v.letter == 0 {
			continue
		}
		if used++; used >= len(s.Args) {
			k.Fail(n.At, "not enough function arguments", fmt.Sprintf("The format has more verbs than the %d arguments after it.", len(s.Args)-1))
			return false
		}
		if !formats(k, s.Args[used], v) {
			return false
		}
	}
	if used < len(s.Args)-1 {
		k.Fail(s.Args[used+1].At, "too many function arguments", fmt.Sprintf("The format has %d verbs.", used))
		return false
	}
	s.state = verbs
	return true
}

// formats reports an argument that a verb never takes.
func formats(k Checker, n *eval.Node, v verb) bool {
	switch v.letter {
	case 'd', 'f':
		return numberParam.fits(k, n)
	case 't':
		return k.Boolean(n)
	case 's', 'q':
		return textParam.fits(k, n)
	}
	return true
}

func parseFormat(s []byte) (verbs []verb, why string) {
	for len(s) > 0 {
		i := bytes.IndexByte(s, '%')
		if i < 0 {
			return append(verbs, verb{literal: s}), ""
		}
		if i > 0 {
			verbs = append(verbs, verb{literal: s[:i]})
		}
		v, rest, ok := parseVerb(s[i+1:])
		if !ok {
			return nil, fmt.Sprintf("the verb %q is not supported", s[i:len(s)-len(rest)])
		}
		verbs, s = append(verbs, v), rest
	}
	return verbs, ""
}

func parseVerb(s []byte) (v verb, rest []byte, ok bool) {
	v.precision = -1
	for len(s) > 0 && (s[0] == '0' || s[0] == '-') {
		v.zero = v.zero || s[0] == '0'
		v.left = v.left || s[0] == '-'
		s = s[1:]
	}
	v.width, s = parseCount(s)
	if len(s) > 0 && s[0] == '.' {
		v.precision, s = parseCount(s[1:])
	}
	if len(s) == 0 {
		return v, s, false
	}
	v.letter = s[0]
	plain := v.width == 0 && v.precision < 0 && !v.zero && !v.left
	switch v.letter {
	case '%':
		return verb{literal: s[:1]}, s[1:], plain
	case 's', 'v', 'q', 'd', 't':
		ok = v.precision < 0
	case 'f':
		ok = v.precision >= 0
	}
	return v, s[1:], ok && v.width <= maxWidth && v.precision <= maxWidth
}

func parseCount(s []byte) (n int, rest []byte) {
	for len(s) > 0 && s[0] >= '0' && s[0] <= '9' {
		n = min(n*10+int(s[0]-'0'), maxWidth+1)
		s = s[1:]
	}
	return n, s
}

// format writes the arguments by the verbs. With null among them, the result is null.
func format(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	verbs, _ := s.state.([]verb)
	for _, v := range a {
		if v.Kind == eval.NullKind {
			return eval.Value{}
		}
	}
	return eval.Text(f.Build(func(f *eval.Frame, dst []byte) []byte {
		used := 0
		for _, v := range verbs {
			if v.letter == 0 {
				dst = append(dst, v.literal...)
				continue
			}
			used++
			dst = v.append(f, dst, a[used], s.Args[used])
			if f.Err != nil || !f.Bounded(len(dst)) {
				return dst
			}
		}
		return dst
	}))
}

func (v verb) append(f *eval.Frame, dst []byte, x eval.Value, at *eval.Node) []byte {
	start := len(dst)
	switch v.letter {
	case 'd', 'f':
		dst = v.number(f, dst, f.Number(x, at), at)
	case 't':
		if x = f.Bool(x, at); x.Kind == eval.BoolKind {
			dst = eval.AppendText(f, dst, x)
		}
	case 'q':
		dst = jsonvalue.AppendString(dst, f.Text(x).Bytes)
	default:
		dst = eval.AppendText(f, dst, x)
	}
	return v.pad(dst, start)
}

// number appends an integer, or a number with a fixed count of digits after the point, rounded half to even.
func (v verb) number(f *eval.Frame, dst []byte, x eval.Value, at *eval.Node) []byte {
	n, ok := f.Decimal(x)
	switch {
	case !ok && x.Kind == eval.FloatKind && v.letter == 'f':
		return fmt.Appendf(dst, "%.*f", v.precision, f.Float(x))
	case !ok:
		f.Fail(at.At, "this is not an integer")
		return dst
	}
	if v.letter == 'f' {
		return n.Fixed(int32(v.precision)).Append(dst)
	}
	if n = n.Trimmed(0); n.Scale > 0 {
		f.Fail(at.At, "this is not an integer")
		return dst
	}
	return n.Append(dst)
}

// pad fills what follows start up to the width, counted in characters.
func (v verb) pad(dst []byte, start int) []byte {
	missing := v.width - characters(dst[start:])
	if missing <= 0 {
		return dst
	}
	fill := byte(' ')
	if v.zero && !v.left {
		fill = '0'
	}
	if !v.left && fill == '0' && start < len(dst) && dst[start] == '-' && (v.letter == 'd' || v.letter == 'f') {
		start++ // the sign comes before the zeros
	}
	n := len(dst)
	for range missing {
		dst = append(dst, fill)
	}
	if !v.left {
		copy(dst[start+missing:], dst[start:n])
		for i := range missing {
			dst[start+i] = fill
		}
	}
	return dst
}
