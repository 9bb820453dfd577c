package target

import (
	"slices"
	"strconv"
	"strings"
)

// integers by width, and what holds them all.
var integers = []string{"smallint", "integer", "bigint", "numeric"}

// holds says whether a column of the target, of type wide, takes every value of type narrow and prints it as it came:
// both as format_type writes them. Somebody may have widened the target before the source, or keep enums as text.
func holds(wide, narrow string) bool {
	element, isArray := strings.CutSuffix(wide, "[]")
	narrowElement, isNarrowArray := strings.CutSuffix(narrow, "[]")
	switch {
	case wide == narrow, wide == "text", wide == "character varying":
		return true
	case isArray && isNarrowArray && narrowElement != "box": // which has a delimiter of its own
		return holds(element, narrowElement)
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

// widens reports whether a column of the source that has become of type to, from type from, has lost nothing by it, so that ALTER
// TABLE ... TYPE without USING makes the same values of the target's.
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
		return slices.Contains(integers, to) && holds(to, from)
	case family == "character" && len(size) > 0:
		return to == "text" || (toFamily == "character varying" || toFamily == "character" && len(toSize) > 0) && fits(toSize, size)
	case family == "character varying", family == "text":
		return (to == "text" || toFamily == "character varying") && holds(to, from)
	}
	return family == toFamily && holds(to, from)
}

// rewrites reports whether the server writes a table again when a column of it is widened.
func rewrites(from, to string) bool {
	family, _ := parameters(from)
	toFamily, _ := parameters(to)
	return slices.Contains(integers, from) || family == "character" || strings.HasSuffix(family, "[]") || family != toFamily && toFamily == "numeric"
}

// fits compares a limit with a narrower one; none at all holds everything.
func fits(size, narrow []int) bool {
	return len(size) == 0 || len(narrow) > 0 && size[0] >= narrow[0]
}

// keeps says whether ALTER TABLE ... TYPE leaves every value's text as it is.
func keeps(from, to string) bool {
	return from == to || holds(to, from) && !strings.HasPrefix(from, "real") && !strings.HasPrefix(from, "character(")
}

// parameters takes a type apart: "timestamp(3) with time zone" is "timestamp with time zone" and 3.
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
