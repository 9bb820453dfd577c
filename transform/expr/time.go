package expr

import (
	"bytes"
	"math"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Times are microseconds since the year 2000 in UTC, as Postgres has them. The infinities are the largest and the smallest number.
const (
	infinity  = math.MaxInt64
	day       = 24 * int64(time.Hour/time.Microsecond)
	epochDays = 10957 // from 1970 to 2000
	maxYear   = 294_276
	earliest  = -211_813_488_000_000_000  // 4713 BC, as in Postgres
	latest    = 9_223_371_331_199_999_999 // the end of maxYear
)

// parseTime reads a time as Postgres prints it, or as RFC 3339 has it.
func parseTime(s []byte) (micros int64, ok bool) {
	switch string(s) {
	case "infinity":
		return infinity, true
	case "-infinity":
		return -infinity, true
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

// daysSince1970 is the number of a day in the Gregorian calendar, also before it was introduced.
func daysSince1970(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	ofEra := y - era*400
	shifted := (m + 9) % 12
	ofYear := (153*shifted+2)/5 + d - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

func daysIn(m, y int64) int64 {
	switch {
	case m == 2 && (y%4 == 0 && y%100 != 0 || y%400 == 0):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}

// goTime returns microseconds as a time of Go.
func goTime(micros int64) time.Time {
	return time.Unix(micros/1e6+epochDays*day/1e6, micros%1e6*1e3).UTC()
}

// timeKindOf returns the flags of the values of a type.
func timeKindOf(k capture.TypeKind) flags {
	switch k {
	case capture.KindDate:
		return isDate | isLocal
	case capture.KindTimestamp:
		return isLocal
	}
	return 0
}

// appendTime appends a time as package jsonvalue does, without the quotes.
func appendTime(dst []byte, v val) []byte {
	if v.b == nil {
		return goTime(v.i).AppendFormat(dst, "2006-01-02T15:04:05.999999Z")
	}
	if v.flags&isDate != 0 {
		return append(dst, v.b...)
	}
	appender := timestamptzJSON
	if v.flags&isLocal != 0 {
		appender = timestampJSON
	}
	start := len(dst)
	dst = appender(dst, v.b)
	copy(dst[start:], dst[start+1:len(dst)-1])
	return dst[:len(dst)-2]
}

// micros returns a value as a time; false when it is none.
func (v val) micros() (int64, bool) {
	if v.kind == timeKind && v.b == nil {
		return v.i, true
	}
	if v.kind != timeKind && v.kind != textKind {
		return 0, false
	}
	return parseTime(v.b)
}
