package target

import (
	"slices"
	"strconv"
	"strings"
)

// integers are the integer types by width, then numeric, which can represent all of them.
var integers = []string{"smallint", "integer", "bigint", "numeric"}

// accepts reports whether a target column of type wide accepts every value of type narrow and prints it unchanged. Both types
// are written as by format_type. The types may differ because an operator widened the target before the source, or stores
// enums as text.
func accepts(wide, narrow string) bool {
	element, isArray := strings.CutSuffix(wide, "[]")
	narrowElement, isNarrowArray := strings.CutSuffix(narrow, "[]")
	switch {
	case wide == narrow, wide == "text", wide == "character varying":
		return true
	case isArray && isNarrowArray && narrowElement != "box": // box arrays use another delimiter
		return accepts(element, narrowElement)
	case slices.Contains(integers, narrow):
		return slices.Index(integers, wide) > slices.Index(integers, narrow)
	}
	family, size := parameters(wide)
	narrowFamily, narrowSize := parameters(narrow)
	if family != narrowFamily || len(narrowSize) > 0 && len(narrowSize) < len(size) {
		return wide == "double precision" && narrow == "real"
	}
	switch family {
	case "character varying", "bit varying":
		return fits(size, narrowSize)
	case "time without time zone", "time with time zone", "timestamp without time zone", "timestamp with time zone":
		return fits(size, narrowSize) // fewer digits are printed the same
	case "numeric":
		if len(size) == 0 {
			return true
		}
		return len(narrowSize) == 2 && size[1] == narrowSize[1] && size[0] >= narrowSize[0]
	}
	return false
}

// Stores reports whether a target column may have a type for a source column, whose type is the first of source; if that is a domain, the
// types under it follow. All are written as by format_type.
func Stores(wide string, source []string) bool {
	return slices.ContainsFunc(source, func(narrow string) bool { return accepts(wide, narrow) })
}

// widens reports whether changing a source column from type from to type to preserves every value, so that ALTER TABLE ...
// TYPE without USING produces the same values in the target.
func widens(from, to string) bool {
	element, isArray := strings.CutSuffix(from, "[]")
	toElement, toArray := strings.CutSuffix(to, "[]")
	if isArray || toArray {
		return isArray && toArray && widens(element, toElement)
	}
	family, size := parameters(from)
	toFamily, toSize := parameters(to)
	switch {
	case from == to:
		return false
	case slices.Contains(integers, from):
		return slices.Contains(integers, to) && accepts(to, from)
	case family == "character" && len(size) > 0:
		return to == "text" || (toFamily == "character varying" || toFamily == "character" && len(toSize) > 0) && fits(toSize, size)
	case family == "character varying", family == "text":
		return (to == "text" || toFamily == "character varying") && accepts(to, from)
	}
	return family == toFamily && accepts(to, from)
}

// rewrites reports whether the server rewrites the table when a column is widened.
func rewrites(from, to string) bool {
	family, _ := parameters(from)
	toFamily, _ := parameters(to)
	return slices.Contains(integers, from) || family == "character" || strings.HasSuffix(family, "[]") || family != toFamily && toFamily == "numeric"
}

// fits reports whether the limit size is at least narrow. An empty limit means unlimited.
func fits(size, narrow []int) bool {
	return len(size) == 0 || len(narrow) > 0 && size[0] >= narrow[0]
}

// keeps reports whether ALTER TABLE ... TYPE leaves the text of every value unchanged.
func keeps(from, to string) bool {
	return from == to || accepts(to, from) && !strings.HasPrefix(from, "real") && !strings.HasPrefix(from, "character(")
}

// parameters splits a type: "timestamp(3) with time zone" becomes "timestamp with time zone" and 3.
func parameters(t string) (family string, size []int) {
	before, rest, found := strings.Cut(t, "(")
	inside, after, closed := strings.Cut(rest, ")")
	if !found || !closed {
		return t, nil
	}
	for _, n := range strings.Split(inside, ",") {
		i, err := strconv.Atoi(n)
		if err != nil {
			return t, nil
		}
		size = append(size, i)
	}
	return before + after, size
}
