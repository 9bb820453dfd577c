package jsonvalue

// appendTimestamp turns "2026-11-23 10:00:00.5" into "2026-11-23T10:00:00.5".
func appendTimestamp(dst, text []byte) []byte {
	if rest, ok := clock(text); !ok || len(rest) > 0 {
		return AppendString(dst, text)
	}
	return appendT(dst, text, "")
}

// appendTimestampTZ turns "2026-11-23 10:00:00.5+00" into "2026-11-23T10:00:00.5Z".
func appendTimestampTZ(dst, text []byte) []byte {
	rest, ok := clock(text)
	if !ok || string(rest) != "+00" {
		return AppendString(dst, text)
	}
	return appendT(dst, text[:len(text)-len(rest)], "Z")
}

func appendT(dst, text []byte, zone string) []byte {
	dst = append(dst, '"')
	dst = append(dst, text[:10]...)
	dst = append(dst, 'T')
	dst = append(dst, text[11:]...)
	dst = append(dst, zone...)
	return append(dst, '"')
}

// clock reads "2026-11-23 10:00:00" with an optional fraction, and returns what follows. It fails for years of five digits and
// for infinity.
func clock(s []byte) (rest []byte, ok bool) {
	const layout = "0000-00-00 00:00:00"
	if len(s) < len(layout) {
		return s, false
	}
	for i := range len(layout) {
		if layout[i] == '0' && !isDigit(s[i]) || layout[i] != '0' && s[i] != layout[i] {
			return s, false
		}
	}
	s = s[len(layout):]
	if len(s) > 0 && s[0] == '.' {
		return digits(s[1:])
	}
	return s, true
}
