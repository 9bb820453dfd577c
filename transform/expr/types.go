package expr

import (
	"github.com/tailrace/tailrace/capture"
)

// class is what is known of a value before there is a row.
type class uint8

const (
	anyClass class = iota // only the value shows it, such as what is in a json column
	nullClass
	boolClass
	numberClass
	textClass
	timeClass
	listClass
	objectClass
)

// String returns the class in a diagnostic.
func (c class) String() string {
	return [...]string{"a value", "null", "true or false", "a number", "a text", "a time", "a list", "an object"}[c]
}

// typ is the type of a part of an expression. It never changes.
type typ struct {
	class  class
	pg     *capture.Type // of a column's value, or of a part of it; nil for others
	elem   *typ          // of a list, and of an object whose values have one type; nil: any
	fields []fieldType   // of an object
	closed bool          // the object has no other fields
	nested bool          // of an array's element, which may be an array itself: arrays of one type have any number of dimensions
	row    *rowType      // of an object that is a row of a table
}

type fieldType struct {
	name string
	typ  *typ
}

var (
	anyType    = &typ{class: anyClass}
	nullType   = &typ{class: nullClass}
	boolType   = &typ{class: boolClass}
	numberType = &typ{class: numberClass}
	textType   = &typ{class: textClass}
	timeType   = &typ{class: timeClass, pg: &capture.Type{Schema: "pg_catalog", Name: "timestamptz", Kind: capture.KindTimestampTZ}}
	listType   = &typ{class: listClass}
	objectType = &typ{class: objectClass}
)

// columnType returns the type of the values of a type of the source.
func columnType(t *capture.Type) *typ {
	c := &typ{pg: t, class: textClass}
	switch t.Kind {
	case capture.KindBool:
		c.class = boolClass
	case capture.KindInt, capture.KindFloat, capture.KindNumeric:
		c.class = numberClass
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		c.class = timeClass
	case capture.KindJSON:
		c.class = anyClass
	case capture.KindHstore:
		c.class, c.elem = objectClass, textType
	case capture.KindArray:
		c.class = listClass
		if t.Elem != nil {
			elem := *columnType(t.Elem)
			elem.nested = true
			c.elem = &elem
		}
	case capture.KindComposite:
		c.class, c.closed = objectClass, true
		for _, f := range t.Fields {
			c.fields = append(c.fields, fieldType{f.Name, columnType(f.Type)})
		}
	}
	return c
}

// describe returns the type in a diagnostic, such as "a number (int8)".
func (t *typ) describe() string {
	if t.pg != nil && t.class != anyClass {
		return t.class.String() + " (" + t.pg.String() + ")"
	}
	return t.class.String()
}

// kind returns the kind of a column's value, and false for any other value.
func (t *typ) kind() (capture.TypeKind, bool) {
	if t.pg == nil {
		return 0, false
	}
	return t.pg.Kind, true
}

// opaque reports whether values have no order that a comparison of their texts would give: bytea, interval, money.
func (t *typ) opaque() bool {
	kind, ok := t.kind()
	return ok && (kind == capture.KindBytes || kind == capture.KindInterval || kind == capture.KindMoney)
}

// padded reports whether Postgres fills values with spaces up to a length, and ignores these when it compares: char(n).
func (t *typ) padded() bool {
	base := t.pg
	for depth := 0; base != nil && base.User != nil && base.User.Base != nil && depth < 32; depth++ {
		base = base.User.Base
	}
	return base != nil && base.Kind == capture.KindText && base.Name == "bpchar"
}

// varlena reports whether a value is stored as its text, so that its length tells whether it can be stored out of line.
func (t *typ) varlena() bool {
	base := t.pg
	for depth := 0; base != nil && base.User != nil && base.User.Kind == capture.UserDomain && base.User.Base != nil && depth < 32; depth++ {
		base = base.User.Base
	}
	return base != nil && base.User == nil && base.Kind == capture.KindText && (base.Name == "text" || base.Name == "varchar")
}

// field returns the type of an object's field; nil when it has none of that name.
func (t *typ) field(name string) *typ {
	for _, f := range t.fields {
		if f.name == name {
			return f.typ
		}
	}
	return nil
}

func (t *typ) fieldNames() []string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.name
	}
	return names
}

// item returns the type of the elements of a list, or of the values of an object.
func (t *typ) item() *typ {
	switch {
	case t.elem != nil:
		return t.elem
	case len(t.fields) > 0:
		common := t.fields[0].typ
		for _, f := range t.fields[1:] {
			common = unify(common, f.typ)
		}
		return common
	}
	return anyType
}

// unify returns the type of a value that has one type or the other.
func unify(a, b *typ) *typ {
	switch {
	case a == b || b.class == nullClass:
		return a
	case a.class == nullClass:
		return b
	case a.class != b.class || a.class == listClass || a.class == objectClass:
		return anyType
	case a.pg != nil && b.pg != nil && a.pg.Kind == b.pg.Kind && a.padded() == b.padded():
		return a
	}
	return &typ{class: a.class}
}

// typed returns an element of an array, a field of a composite and the like, which was read from JSON, as its type has it.
func (t *typ) typed(v val) val {
	kind, ok := t.kind()
	if !ok || v.kind != textKind && v.kind != numKind {
		return v
	}
	switch kind {
	case capture.KindNumeric:
		return val{kind: numKind, flags: quoted, b: v.b}
	case capture.KindFloat:
		return val{kind: floatKind, b: v.b}
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		return val{kind: timeKind, flags: timeKindOf(kind), b: v.b}
	}
	return v
}
