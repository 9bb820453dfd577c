package target

import (
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// numbered returns parts with the names in a list: each name may be followed by a number.
func numbered(list string) (parts []part) {
	for _, f := range strings.Fields(list) {
		name := strings.TrimRight(f, "0123456789")
		p := part{Name: name, SQL: "text"}
		for _, d := range f[len(name):] {
			p.Number = p.Number*10 + uint32(d-'0')
		}
		parts = append(parts, p)
	}
	return parts
}

// shortened returns the statements of a type's changes without what they have in common.
func shortened(steps []step) string {
	var all []string
	for _, p := range steps {
		sql, _, verify := strings.Cut(p.sql, "; --")
		short := strings.TrimPrefix(strings.TrimPrefix(sql, "ALTER TYPE e "), "RENAME ")
		short = strings.NewReplacer("VALUE ", "", "ATTRIBUTE ", "", `"`, "", "'", "").Replace(short)
		if all = append(all, short); verify {
			all = append(all, "verify")
		}
	}
	return strings.Join(all, ", ")
}

// Each case is an enum of the source, with the labels' numbers, one of the target, what was recorded (the target's number is the
// source's plus ten), and what an operator has to do and what is added automatically.
func TestLabels(t *testing.T) {
	for _, c := range []struct{ source, target, recorded, manual, adds string }{
		{"a b c", "a b c", "", "", ""},
		{"a b c", "b", "", "", "ADD a BEFORE b, ADD c AFTER b"},
		{"a b c", "", "", "", "ADD a, ADD b AFTER a, ADD c AFTER b"},
		{"a x c", "a b c", "", "b TO x", ""},
		{"x y c", "a b c", "", "a TO x, b TO y", ""},
		{"a x c d", "a b c", "", "b TO x, ADD d AFTER c", ""},
		{"z a x c", "a b c", "", "b TO x, ADD z BEFORE a", ""},
		{"a x y c", "a b c", "", "ADD x AFTER a, ADD y AFTER x, verify", ""},
		{"a x c", "a b p c", "", "ADD x AFTER a, verify", ""},
		{"a c", "a own c", "", "", ""},
		// With a record nothing is inferred.
		{"n4 x1 b2", "a11 b12", "a1 b2", "a TO x, ADD n BEFORE x", ""},
		{"x1 y2 c3", "a11 b12 c13", "a1 b2 c3", "a TO x, b TO y", ""},
		{"b1 a2", "a11 b12", "a1 b2", "a TO tailrace, b TO a, tailrace TO b, verify", ""},
		{"b1 c2 a3", "a11 b12 c13", "a1 b2 c3", "a TO tailrace, c TO a, b TO c, tailrace TO b, verify", ""},
		{"b1 c2", "a11 b12", "a1 b2", "b TO c, a TO b, verify", ""},
		{"x1 b2 a3", "a11 b12", "a1 b2", "a TO x, ADD a AFTER b, verify", ""},
		{"x1 b2", "x11 a19 b12", "x1 b2", "", ""},
		{"a1 b2", "x11 a19 b12", "x1 b2", "a TO a_own, x TO a, verify", ""},
		{"x1 b2 a3", "x11 a19 b12", "x1 b2", "", ""},
		{"a1 n3 b2", "a11 b12", "a1 b2", "", "ADD n AFTER a"},
		{"a1 b2", "x11 b12", "a1 b2", "x TO a", ""},
		{"a1 b2", "b12", "a1 b2", "", "ADD a BEFORE b"},
	} {
		s := &types{changes: &changes{}, known: recordedAs(c.recorded)}
		enum := &capture.Type{OID: 7, Schema: "public", Name: "e", User: &capture.UserType{Kind: capture.UserEnum}}
		for _, l := range numbered(c.source) {
			enum.User.Labels, enum.User.Numbers = append(enum.User.Labels, l.Name), append(enum.User.Numbers, l.Number)
		}
		s.compareLabels(enum, "e", numbered(c.target))
		if got := shortened(s.manual); got != c.manual {
			t.Errorf("%s in the source, %s in the target, %s before: %s is to be done, want %s", c.source, c.target, c.recorded, got, c.manual)
		}
		if got := shortened(s.aparts); got != c.adds {
			t.Errorf("%s in the source, %s in the target, %s before: %s is added, want %s", c.source, c.target, c.recorded, got, c.adds)
		}
	}
}

// recordedAs returns what tailrace.types contains about type e.
func recordedAs(list string) []typeEntry {
	if list == "" {
		return nil
	}
	e := typeEntry{Schema: "public", Type: "e", OID: 7}
	for _, p := range numbered(list) {
		e.Parts = append(e.Parts, knownPart{Number: p.Number, Place: p.Number + 10, Name: p.Name})
	}
	return []typeEntry{e}
}

func TestAttributes(t *testing.T) {
	for _, c := range []struct{ source, target, recorded, manual, adds string }{
		{"a b", "a b", "", "", ""},
		{"a b n", "a b", "", "", "ADD n text"},
		{"a", "a b", "", "DROP b", ""},
		{"b", "a b", "", "DROP a", ""},
		{"b n", "a b", "", "DROP a, ADD n text, verify", ""},
		{"x b", "a b", "", "a TO x", ""},
		{"a x", "a b", "", "b TO x, verify", ""},
		{"x y", "a b", "", "a TO x, b TO y, verify", ""},
		{"b a", "a b", "", "DROP a, ADD a text, verify", ""},
		{"x c", "a b c", "", "DROP b, a TO x, verify", ""},
		// With a record nothing is inferred.
		{"b2 n3", "a11 b12", "a1 b2", "DROP a, ADD n text, verify", ""},
		{"b2 a3", "a11 b12", "a1 b2", "DROP a, ADD a text, verify", ""},
		{"a1 x2", "a11 b12", "a1 b2", "b TO x", ""},
		{"a1 n3", "a11 b12", "a1 b2", "DROP b, ADD n text, verify", ""},
		{"b1 a2", "a11 b12", "a1 b2", "a TO tailrace, b TO a, tailrace TO b", ""},
		{"a1 b2 n3", "a11 b12", "a1 b2", "", "ADD n text"},
		{"a1 b2", "a11 b12 own19", "a1 b2", "DROP own", ""},
		{"a1 b2", "a11 x12", "a1 b2", "", ""}, // renamed in the target ahead of this shape
		{"a1 y2", "a11 x12", "a1 b2", "x TO y", ""},
		{"a1 b2", "b12", "a1 b2", "DROP b, ADD a text, ADD b text, verify", ""},
	} {
		s := &types{changes: &changes{}, known: recordedAs(c.recorded), there: map[sought]*foundType{}, orders: map[string]bool{}}
		text := &capture.Type{Name: "text", Schema: "pg_catalog"}
		s.there[s.sought(text, -1)] = &foundType{SQL: "text"}
		pair := &capture.Type{OID: 7, Schema: "public", Name: "e", User: &capture.UserType{Kind: capture.UserComposite}}
		for _, f := range numbered(c.source) {
			pair.Fields = append(pair.Fields, capture.Field{Number: int16(f.Number), Name: f.Name, Type: text, Modifier: -1})
		}
		s.compareAttributes(pair, "e", numbered(c.target))
		if got := shortened(s.manual); got != c.manual {
			t.Errorf("%s in the source, %s in the target, %s before: %s is to be done, want %s", c.source, c.target, c.recorded, got, c.manual)
		}
		if got := shortened(s.steps); got != c.adds {
			t.Errorf("%s in the source, %s in the target, %s before: %s is added, want %s", c.source, c.target, c.recorded, got, c.adds)
		}
	}
}

// Previous names are kept, so that a row with one is told from a row with a new label.
func TestFormerLabels(t *testing.T) {
	s := &types{changes: &changes{}, known: recordedAs("a1 b2")}
	enum := &capture.Type{OID: 7, Schema: "public", Name: "e", User: &capture.UserType{Kind: capture.UserEnum, Labels: []string{"x", "b"}, Numbers: []uint32{1, 2}}}
	s.compareLabels(enum, "e", numbered("x11 b12"))
	if len(s.seen) != 1 || !slices.Equal(s.seen[0].Parts[0].Former, []string{"a"}) {
		t.Fatalf("%+v", s.seen)
	}
	c := &Catalog{}
	c.remember(&s.seen[0])
	if name := quote("public", "e"); !c.formerLabel(name, "a") || c.formerLabel(name, "b") {
		t.Errorf("%v", c.former)
	}
}

// A comment after a statement gets no semicolon: it may end with a command.
func TestTerminated(t *testing.T) {
	for sql, want := range map[string]string{
		"ALTER TABLE t ADD c int":                        "ALTER TABLE t ADD c int;",
		"ALTER TABLE t ADD c int;":                       "ALTER TABLE t ADD c int;",
		"ALTER TABLE t ADD c int; -- then: run FILE":     "ALTER TABLE t ADD c int; -- then: run FILE",
		"ALTER TABLE t ADD c int;\n-- then: run FILE":    "ALTER TABLE t ADD c int;\n-- then: run FILE",
		"TRUNCATE t; -- all\nALTER TABLE t":              "TRUNCATE t; -- all\nALTER TABLE t;",
		"BEGIN;\nALTER TABLE t ADD c int;\nCOMMIT; -- x": "BEGIN;\nALTER TABLE t ADD c int;\nCOMMIT; -- x",
	} {
		if got := terminated(sql); got != want {
			t.Errorf("%q becomes %q, want %q", sql, got, want)
		}
	}
}
