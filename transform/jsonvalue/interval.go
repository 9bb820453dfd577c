package jsonvalue

import "bytes"

// appendInterval turns "1 year 2 mons -3 days +04:05:06.7" into "P1Y2M-3DT4H5M6.7S".
func appendInterval(dst, text []byte) []byte {
	start := len(dst)
	dst = append(dst, `"P`...)
	empty := len(dst)
	for rest := text; len(rest) > 0; {
		var part []byte
		part, rest, _ = bytes.Cut(rest, []byte(" "))
		var ok bool
		if bytes.IndexByte(part, ':') >= 0 {
			dst, ok = appendTime(dst, part)
			ok = ok && len(rest) == 0
		} else {
			var unit []byte
			unit, rest, _ = bytes.Cut(rest, []byte(" "))
			dst, ok = appendUnit(dst, part, unit)
		}
		if !ok {
			return AppendString(dst[:start], text)
		}
	}
	switch {
	case len(text) == 0:
		return append(dst[:start], `""`...)
	case len(dst) == empty:
		dst = append(dst, "T0S"...)
	}
	return append(dst, '"')
}

// appendUnit appends "3D" for "3" "days".
func appendUnit(dst, count, unit []byte) ([]byte, bool) {
	var letter byte
	switch string(unit) {
	case "year", "years":
		letter = 'Y'
	case "mon", "mons":
		letter = 'M'
	case "day", "days":
		letter = 'D'
	default:
		return dst, false
	}
	count = bytes.TrimPrefix(count, []byte("+"))
	if rest, ok := integer(count); !ok || len(rest) > 0 {
		return dst, false
	}
	if string(count) == "0" {
		return dst, true
	}
	return append(append(dst, count...), letter), true
}

// appendTime appends "T-4H-5M-6.7S" for "-04:05:06.7". The sign applies to all three parts, and parts that are zero are left out.
func appendTime(dst, clock []byte) ([]byte, bool) {
	negative := clock[0] == '-'
	if negative || clock[0] == '+' {
		clock = clock[1:]
	}
	start := len(dst)
	dst = append(dst, 'T')
	for _, letter := range []byte("HMS") {
		part, rest, more := bytes.Cut(clock, []byte(":"))
		if more != (letter != 'S') || !isClockPart(part, letter == 'S') {
			return dst, false
		}
		part = bytes.TrimLeft(part, "0")
		if len(part) > 0 {
			if negative {
				dst = append(dst, '-')
			}
			if part[0] == '.' {
				dst = append(dst, '0')
			}
			dst = append(append(dst, part...), letter)
		}
		clock = rest
	}
	if len(dst) == start+1 {
		dst = dst[:start]
	}
	return dst, true
}

// isClockPart reports whether part consists of digits, optionally with a nonzero fraction where one is allowed, as Postgres prints
// it.
func isClockPart(part []byte, fraction bool) bool {
	rest, ok := digits(part)
	if ok && fraction && len(rest) > 0 && rest[0] == '.' {
		rest, ok = digits(rest[1:])
		return ok && len(rest) == 0 && part[len(part)-1] != '0'
	}
	return ok && len(rest) == 0
}
