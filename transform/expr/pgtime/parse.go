package pgtime

import (
	"bytes"
)

// Parse reads a time as Postgres prints it, or as RFC 3339 has it.
func Parse(s []byte) (micros int64, ok bool) {
	switch string(s) {
	case "infinity":
		return Infinity, true
	case "-infinity":
		return -Infinity, true
	}
	s, bc := bytes.CutSuffix(s, []byte(" BC"))
	year, s, ok := digits(s, 4, 6)
	if !ok || year > maxYear {
		return 0, false
	}
	if bc {
		year = 1 - year
	}
	month, s, ok := twoDigits(s, '-')
	if !ok || month < 1 || month > 12 {
		return 0, false
	}
	d, s, ok := twoDigits(s, '-')
	if !ok || d < 1 || d > daysIn(month, year) {
		return 0, false
	}
	micros = (daysSince1970(year, month, d) - epochDays) * day
	if len(s) == 0 {
		return micros, true
	}
	if s[0] != ' ' && s[0] != 'T' {
		return 0, false
	}
	clock, s, ok := parseClock(s[1:])
	if !ok {
		return 0, false
	}
	offset, ok := parseOffset(s)
	return micros + clock - offset, ok
}

// digits reads from least to most digits.
func digits(s []byte, least, most int) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(s) && i < most && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int64(s[i]-'0')
		i++
	}
	return n, s[i:], i >= least
}

// twoDigits reads two digits after a separator.
func twoDigits(s []byte, separator byte) (n int64, rest []byte, ok bool) {
	if len(s) == 0 || s[0] != separator {
		return 0, s, false
	}
	return digits(s[1:], 2, 2)
}

// parseClock reads 10:00, 10:00:00 or 10:00:00.123456.
func parseClock(s []byte) (micros int64, rest []byte, ok bool) {
	h, s, ok := digits(s, 2, 2)
	if !ok || h > 24 {
		return 0, s, false
	}
	m, s, ok := twoDigits(s, ':')
	if !ok || m > 59 {
		return 0, s, false
	}
	sec := int64(0)
	if len(s) > 0 && s[0] == ':' {
		if sec, s, ok = twoDigits(s, ':'); !ok || sec > 60 {
			return 0, s, false
		}
	}
	micros = ((h*60+m)*60 + sec) * 1e6
	if len(s) > 1 && s[0] == '.' {
		unit := int64(100_000)
		for s = s[1:]; len(s) > 0 && s[0] >= '0' && s[0] <= '9'; s = s[1:] {
			micros += unit * int64(s[0]-'0')
			unit /= 10
		}
	}
	return micros, s, true
}

// parseOffset reads nothing, Z, +01, +01:30 or +01:30:15.
func parseOffset(s []byte) (micros int64, ok bool) {
	if len(s) == 0 || string(s) == "Z" {
		return 0, true
	}
	sign := int64(1)
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	h, s, ok := digits(s[1:], 2, 2)
	for unit := int64(60e6); ok && len(s) > 0 && unit >= 1e6; unit /= 60 {
		var n int64
		n, s, ok = twoDigits(s, ':')
		micros += n * unit
	}
	return sign * (micros + h*3600e6), ok && len(s) == 0 && h < 24
}
