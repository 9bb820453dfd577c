package jsonvalue

func appendBool(dst, text []byte) []byte {
	switch string(text) {
	case "t":
		return append(dst, "true"...)
	case "f":
		return append(dst, "false"...)
	}
	return AppendString(dst, text)
}

func appendInt(dst, text []byte) []byte {
	if rest, ok := integer(text); ok && len(rest) == 0 {
		return append(dst, text...)
	}
	return AppendString(dst, text)
}

// appendNumber keeps every digit. NaN and Infinity, which JSON numbers cannot represent, become strings.
func appendNumber(dst, text []byte) []byte {
	if rest, ok := number(text); ok && len(rest) == 0 {
		return append(dst, text...)
	}
	return AppendString(dst, text)
}

// number reads a JSON number at the start of s and returns what follows.
func number(s []byte) (rest []byte, ok bool) {
	if s, ok = integer(s); !ok {
		return s, false
	}
	if len(s) > 0 && s[0] == '.' {
		if s, ok = digits(s[1:]); !ok {
			return s, false
		}
	}
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		return digits(s)
	}
	return s, true
}

// integer reads the integer part of a JSON number: without a plus sign or leading zeros.
func integer(s []byte) (rest []byte, ok bool) {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	if len(s) > 0 && s[0] == '0' {
		return s[1:], true
	}
	return digits(s)
}

// digits reads one or more digits.
func digits(s []byte) (rest []byte, ok bool) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[n:], n > 0
}

func isDigit(c byte) bool { return c-'0' <= 9 }
