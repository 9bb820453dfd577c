package functions

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/transform/expr/eval"
	"github.com/tailrace/tailrace/transform/expr/pgtime"
)

// timeFunctions are the functions over times.
var timeFunctions = map[string]Function{
	"formatdate": {params: []param{textParam, timeParam}, result: returns(eval.TextType), prepare: prepareDate, call: formatDate},
	"timeadd":    {params: []param{timeParam, textParam}, result: timeAddType, call: timeAdd},
}

// timeAddType is a time for a time, and a text for a text, as in HCL.
func timeAddType(s *Call) *eval.Type {
	if s.Args[0].Type.Class == eval.TimeClass {
		return &eval.Type{Class: eval.TimeClass, Postgres: s.Args[0].Type.Postgres}
	}
	return eval.AnyType
}

// timeOf returns a time as one of Go, with the offset that a text has. It fails for the infinities.
func timeOf(f *eval.Frame, v eval.Value, at *eval.Node) (time.Time, bool) {
	if v.Kind == eval.TextKind {
		if t, err := time.Parse(time.RFC3339, string(v.Bytes)); err == nil {
			return t, true
		}
	}
	micros, ok := v.Micros()
	if !ok || micros == pgtime.Infinity || micros == -pgtime.Infinity {
		f.Fail(at.At, "this is not a date with a year, month and day")
		return time.Time{}, false
	}
	return pgtime.Go(micros), true
}

func timeAdd(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	d, err := time.ParseDuration(string(a[1].Bytes))
	if err != nil {
		return f.Fail(s.Args[1].At, "this is not a duration such as 90s or 1h30m")
	}
	if a[0].Kind == eval.TextKind {
		t, ok := timeOf(f, a[0], s.Args[0])
		if !ok {
			return eval.Value{Kind: eval.Failed}
		}
		return eval.Text(appended(f, func(b []byte) []byte { return t.Add(d).AppendFormat(b, time.RFC3339) }))
	}
	micros, _ := a[0].Micros()
	if micros == pgtime.Infinity || micros == -pgtime.Infinity {
		return a[0]
	}
	sum := micros + d.Microseconds()
	if (sum > micros) != (d.Microseconds() > 0) && sum != micros || sum > pgtime.Latest || sum < pgtime.Earliest {
		return f.Fail(s.Args[0].At, "the time is out of range")
	}
	return eval.Value{Kind: eval.TimeKind, Int: sum, Flags: a[0].Flags &^ eval.IsDate}
}

// dateVerb is a part of a date's format: a literal, or a verb such as YYYY.
type dateVerb struct {
	literal []byte
	verb    byte
	count   int
}

// dateCounts are the lengths that each verb may have.
var dateCounts = map[byte][]int{
	'Y': {2, 4}, 'M': {1, 2, 3, 4}, 'D': {1, 2}, 'E': {3, 4}, 'h': {1, 2}, 'H': {1, 2}, 'A': {2}, 'a': {2}, 'm': {1, 2}, 's': {1, 2},
	'Z': {1, 3, 4, 5},
}

// prepareDate reads a constant format, with the verbs of HCL's formatdate.
func prepareDate(k Checker, s *Call) bool {
	n := s.Args[0]
	if n.Checks {
		return true
	}
	if !n.IsConstant() {
		k.Fail(n.At, "the format of a date is a constant", `Write a text such as "YYYY-MM-DD".`)
		return false
	}
	if n.Value.Kind != eval.TextKind {
		return true
	}
	verbs, why := parseDateFormat(n.Value.Bytes)
	if why != "" {
		k.Fail(n.At, why, `A format is a text such as "YYYY-MM-DD'T'hh:mm:ssZ"; literal letters stand in single quotes.`)
		return false
	}
	s.state = verbs
	return true
}

func parseDateFormat(s []byte) (verbs []dateVerb, why string) {
	for len(s) > 0 {
		n := 1
		switch c := s[0]; {
		case c == '\'':
			literal, length := quotedLiteral(s)
			if length == 0 {
				return nil, "a single quote is not closed"
			}
			verbs, n = append(verbs, dateVerb{literal: literal}), length
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			for n < len(s) && s[n] == c {
				n++
			}
			if !slices.Contains(dateCounts[c], n) {
				return nil, fmt.Sprintf("a date has no %q", s[:n])
			}
			verbs = append(verbs, dateVerb{verb: c, count: n})
		default:
			verbs = append(verbs, dateVerb{literal: s[:1]})
		}
		s = s[n:]
	}
	return verbs, ""
}

// quotedLiteral reads text in single quotes; two quotes are one. The length is 0 when it has no end.
func quotedLiteral(s []byte) (literal []byte, length int) {
	if len(s) > 1 && s[1] == '\'' {
		return s[:1], 2
	}
	for i := 1; i < len(s); i++ {
		if s[i] == '\'' {
			if i+1 == len(s) || s[i+1] != '\'' {
				return literal, i + 1
			}
			i++
		}
		literal = append(literal, s[i])
	}
	return nil, 0
}

func formatDate(f *eval.Frame, s *Call, a []eval.Value) eval.Value {
	t, ok := timeOf(f, a[1], s.Args[1])
	if !ok {
		return eval.Value{Kind: eval.Failed}
	}
	verbs, _ := s.state.([]dateVerb)
	start := len(f.Arena)
	for _, v := range verbs {
		if v.verb == 0 {
			f.Arena = append(f.Arena, v.literal...)
		} else {
			f.Arena = v.append(f.Arena, t)
		}
	}
	return eval.Text(f.Kept(start))
}

func (v dateVerb) append(dst []byte, t time.Time) []byte {
	switch v.verb {
	case 'Y':
		if v.count == 2 {
			return padded(dst, t.Year()%100, 2)
		}
		return padded(dst, t.Year(), 4)
	case 'M':
		switch v.count {
		case 3:
			return append(dst, t.Month().String()[:3]...)
		case 4:
			return append(dst, t.Month().String()...)
		}
		return padded(dst, int(t.Month()), v.count)
	case 'D':
		return padded(dst, t.Day(), v.count)
	case 'E':
		name := t.Weekday().String()
		if v.count == 3 {
			name = name[:3]
		}
		return append(dst, name...)
	case 'h':
		return padded(dst, t.Hour(), v.count)
	case 'H':
		return padded(dst, (t.Hour()+11)%12+1, v.count)
	case 'A':
		return append(dst, [...]string{"AM", "PM"}[t.Hour()/12]...)
	case 'a':
		return append(dst, [...]string{"am", "pm"}[t.Hour()/12]...)
	case 'm':
		return padded(dst, t.Minute(), v.count)
	case 's':
		return padded(dst, t.Second(), v.count)
	}
	return v.zone(dst, t)
}

func (v dateVerb) zone(dst []byte, t time.Time) []byte {
	switch v.count {
	case 1:
		return t.AppendFormat(dst, "Z07:00")
	case 5:
		return t.AppendFormat(dst, "-07:00")
	}
	start := len(dst)
	dst = t.AppendFormat(dst, "-0700")
	if v.count == 3 && string(dst[start:]) == "+0000" {
		return append(dst[:start], "UTC"...)
	}
	return dst
}

// padded appends a number with at least width digits.
func padded(dst []byte, n, width int) []byte {
	text := strconv.Itoa(n)
	for i := len(text); i < width; i++ {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}
