package mask

import (
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture"
)

// form is what the texts of a type look like.
type form struct {
	// fits returns the text in the form that Postgres prints, and whether it is a value of the type. It is applied to constants.
	fits func(text []byte) ([]byte, bool)
	// always is applied to every text, because another one would break the event; nil: any text can stand for a value.
	always func(text []byte) ([]byte, bool)
}

// formOf returns the form of a column's values. possible is false for types whose values an expression cannot give.
func formOf(c *capture.Column) (f form, possible bool) {
	same := func(ok func(string) bool) func([]byte) ([]byte, bool) {
		return func(text []byte) ([]byte, bool) { return text, ok(string(text)) }
	}
	switch c.Type.Kind {
	case capture.KindText:
		return form{fits: same(func(s string) bool { return isText(c, s) })}, true
	case capture.KindBool:
		return always(boolean), true
	case capture.KindInt:
		return always(same(func(s string) bool { return isInteger(s, c.Type.Name) })), true
	case capture.KindFloat, capture.KindNumeric:
		return always(same(number.MatchString)), true
	case capture.KindDate:
		return always(same(isTime(time.DateOnly))), true
	case capture.KindTimestamp:
		return always(same(isTime(time.DateTime))), true
	case capture.KindTimestampTZ:
		return always(same(isTime(time.DateTime + "+00"))), true
	}
	return form{}, false
}

func always(fits func([]byte) ([]byte, bool)) form { return form{fits, fits} }

var (
	number = regexp.MustCompile(`\A-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?\z|\A(NaN|-?Infinity)\z`)
	uuid   = regexp.MustCompile(`\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z`)
)

func boolean(text []byte) ([]byte, bool) {
	switch string(text) {
	case "true", "t":
		return []byte("t"), true
	case "false", "f":
		return []byte("f"), true
	}
	return text, false
}

func isInteger(s, typ string) bool {
	bits := map[string]int{"int2": 16, "int4": 32}[typ]
	if bits == 0 {
		bits = 64
	}
	_, err := strconv.ParseInt(s, 10, bits)
	return err == nil
}

// isTime reports times in a layout, to which Postgres adds a fraction where there is one.
func isTime(layout string) func(string) bool {
	return func(s string) bool {
		_, err := time.Parse(layout, s)
		return err == nil
	}
}

// isText reports whether a type whose values JSON has as strings has a value.
func isText(c *capture.Column, s string) bool {
	switch t := c.Type; {
	case t.User != nil && t.User.Kind == capture.UserEnum:
		return slices.Contains(t.User.Labels, s)
	case t.Name == "uuid":
		return uuid.MatchString(s)
	case (t.Name == "varchar" || t.Name == "bpchar") && c.Modifier >= 4:
		return utf8.RuneCountInString(s) <= int(c.Modifier-4)
	}
	return true
}
