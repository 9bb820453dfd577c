package eval

import "github.com/tailrace/tailrace/capture"

// Class is what is known of a value before there is a row.
type Class uint8

// The classes of values.
const (
	AnyClass Class = iota // only the value shows it, such as what is in a json column
	NullClass
	BoolClass
	NumberClass
	TextClass
	TimeClass
	ListClass
	ObjectClass
)

// String returns the class in a diagnostic.
func (c Class) String() string {
	return [...]string{"a value", "null", "true or false", "a number", "a text", "a time", "a list", "an object"}[c]
}

// Type is the type of a part of an expression. It never changes.
type Type struct {
	Class    Class
	Postgres *capture.Type // of a column's value, or of a part of it; nil for others
	Elem     *Type         // of a list, and of an object whose values have one type; nil: any
	Fields   []Field       // of an object
	Closed   bool          // the object has no other fields
	Nested   bool          // of an array's element, which may be an array itself: arrays of one type have any number of dimensions
	Row      *RowType      // of an object that is a row of a table
}

// Field is a field of an object.
type Field struct {
	Name string
	Type *Type
}

// The types of what is no column.
var (
	AnyType    = &Type{Class: AnyClass}
	NullType   = &Type{Class: NullClass}
	BoolType   = &Type{Class: BoolClass}
	NumberType = &Type{Class: NumberClass}
	TextType   = &Type{Class: TextClass}
	TimeType   = &Type{Class: TimeClass, Postgres: &capture.Type{Schema: "pg_catalog", Name: "timestamptz", Kind: capture.KindTimestampTZ}}
	ListType   = &Type{Class: ListClass}
	ObjectType = &Type{Class: ObjectClass}
)

// OfColumn returns the type of the values of a type of the source.
func OfColumn(t *capture.Type) *Type {
	c := &Type{Postgres: t, Class: TextClass}
	switch t.Kind {
	case capture.KindBool:
		c.Class = BoolClass
	case capture.KindInt, capture.KindFloat, capture.KindNumeric:
		c.Class = NumberClass
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		c.Class = TimeClass
	case capture.KindJSON:
		c.Class = AnyClass
	case capture.KindHstore:
		c.Class, c.Elem = ObjectClass, TextType
	case capture.KindArray:
		c.Class = ListClass
		if t.Elem != nil {
			elem := *OfColumn(t.Elem)
			elem.Nested = true
			c.Elem = &elem
		}
	case capture.KindComposite:
		c.Class, c.Closed = ObjectClass, true
		for _, f := range t.Fields {
			c.Fields = append(c.Fields, Field{f.Name, OfColumn(f.Type)})
		}
	}
	return c
}

// Describe returns the type in a diagnostic, such as "a number (int8)".
func (t *Type) Describe() string {
	if t.Postgres != nil && t.Class != AnyClass {
		return t.Class.String() + " (" + t.Postgres.String() + ")"
	}
	return t.Class.String()
}

// Kind returns the kind of a column's value, and false for any other value.
func (t *Type) Kind() (capture.TypeKind, bool) {
	if t.Postgres == nil {
		return 0, false
	}
	return t.Postgres.Kind, true
}

// Opaque reports whether values have no order that a comparison of their texts would give: bytea, interval, money.
func (t *Type) Opaque() bool {
	kind, ok := t.Kind()
	return ok && (kind == capture.KindBytes || kind == capture.KindInterval || kind == capture.KindMoney)
}

// Padded reports whether Postgres fills values with spaces up to a length, and ignores these when it compares: char(n).
func (t *Type) Padded() bool {
	base := t.Postgres
	for depth := 0; base != nil && base.User != nil && base.User.Base != nil && depth < 32; depth++ {
		base = base.User.Base
	}
	return base != nil && base.Kind == capture.KindText && base.Name == "bpchar"
}

// Varlena reports whether a value is stored as its text, so that its length tells whether it can be stored out of line.
func (t *Type) Varlena() bool {
	base := t.Postgres
	for depth := 0; base != nil && base.User != nil && base.User.Kind == capture.UserDomain && base.User.Base != nil && depth < 32; depth++ {
		base = base.User.Base
	}
	return base != nil && base.User == nil && base.Kind == capture.KindText && (base.Name == "text" || base.Name == "varchar")
}

// Field returns the type of an object's field; nil when it has none of that name.
func (t *Type) Field(name string) *Type {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type
		}
	}
	return nil
}

// FieldNames returns the names of an object's fields.
func (t *Type) FieldNames() []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}

// Item returns the type of the elements of a list, or of the values of an object.
func (t *Type) Item() *Type {
	switch {
	case t.Elem != nil:
		return t.Elem
	case len(t.Fields) > 0:
		common := t.Fields[0].Type
		for _, f := range t.Fields[1:] {
			common = Unify(common, f.Type)
		}
		return common
	}
	return AnyType
}

// Unify returns the type of a value that has one type or the other.
func Unify(a, b *Type) *Type {
	switch {
	case a == b || b.Class == NullClass:
		return a
	case a.Class == NullClass:
		return b
	case a.Class != b.Class || a.Class == ListClass || a.Class == ObjectClass:
		return AnyType
	case a.Postgres != nil && b.Postgres != nil && a.Postgres.Kind == b.Postgres.Kind && a.Padded() == b.Padded():
		return a
	}
	return &Type{Class: a.Class}
}

// Typed returns an element of an array, a field of a composite and the like, which was read from JSON, as its type has it.
func (t *Type) Typed(v Value) Value {
	kind, ok := t.Kind()
	if !ok || v.Kind != TextKind && v.Kind != NumberKind {
		return v
	}
	switch kind {
	case capture.KindNumeric:
		return Value{Kind: NumberKind, Flags: Quoted, Bytes: v.Bytes}
	case capture.KindFloat:
		return Value{Kind: FloatKind, Bytes: v.Bytes}
	case capture.KindDate, capture.KindTimestamp, capture.KindTimestampTZ:
		return Value{Kind: TimeKind, Flags: TimeKindOf(kind), Bytes: v.Bytes}
	}
	return v
}
