package decode

import (
	"reflect"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
)

// typeSet holds one *capture.Type for each OID.
type typeSet struct {
	types  map[uint32]*capture.Type
	named  map[uint32]pgoutput.Type // the names from the stream of the types that are not built in
	stored map[uint32]stored        // how the values of these types are stored
	rows   map[uint32]typeRow       // what the types that users created were last made from, by this set and those before it
}

func newTypeSet() typeSet {
	return typeSet{
		types: map[uint32]*capture.Type{}, named: map[uint32]pgoutput.Type{}, stored: map[uint32]stored{}, rows: map[uint32]typeRow{},
	}
}

// next returns an empty set for types that are read again.
func (s typeSet) next() typeSet {
	n := newTypeSet()
	n.rows = s.rows
	return n
}

// missing returns those of the OIDs that the set lacks.
func (s typeSet) missing(oids []uint32) []uint32 {
	var lack []uint32
	for _, oid := range oids {
		if s.types[oid] == nil {
			lack = append(lack, oid)
		}
	}
	return lack
}

// resolve returns the type with an OID. If the set lacks it, resolve builds it from rows, together with the types that it
// depends on. A type that the rows lack as well has been dropped: only the stream has its name.
func (s typeSet) resolve(oid uint32, rows map[uint32]typeRow) *capture.Type {
	if t := s.types[oid]; t != nil {
		return t
	}
	t := &capture.Type{OID: oid, Name: "unknown"}
	s.types[oid] = t
	if row, ok := rows[oid]; ok {
		s.fill(t, row, rows)
	} else if m, ok := s.named[oid]; ok {
		t.Schema, t.Name, t.Kind = m.Schema, m.Name, builtin(m)
	}
	return t
}

// builtin returns the kind of a type by its name in the stream, which for a domain is the name of the base type.
func builtin(m pgoutput.Type) capture.TypeKind {
	if t, ok := pgtype.NewMap().TypeForName(m.Name); ok && m.Schema == "pg_catalog" {
		return kinds[t.OID]
	}
	return capture.KindText
}

func (s typeSet) fill(t *capture.Type, row typeRow, rows map[uint32]typeRow) {
	t.Schema, t.Name, t.Kind, t.User = row.schema, row.name, kinds[row.oid], s.made(row, rows)
	s.stored[row.oid] = stored{length: row.length, base: row.base, modifier: row.modifier}
	switch {
	case row.base != 0:
		base := s.resolve(row.base, rows)
		t.Kind, t.Elem, t.Delim, t.Fields = base.Kind, base.Elem, base.Delim, base.Fields
	case row.elem != 0:
		t.Kind, t.Elem, t.Delim = capture.KindArray, s.resolve(row.elem, rows), delimiter(rows[row.elem])
	case row.class == "c":
		t.Kind, t.Fields = capture.KindComposite, make([]capture.Field, len(row.fields))
		for i, name := range row.fields {
			t.Fields[i] = capture.Field{
				Number: row.fieldNums[i], Name: name, Type: s.resolve(row.fieldTypes[i], rows), Modifier: row.fieldMods[i], Collation: row.fieldOrder[i],
			}
		}
	case row.extension == "hstore" && row.name == "hstore" && row.class == "b":
		t.Kind = capture.KindHstore
	}
}

// made returns how a user created the type; nil for types that every server has, and for arrays, which are created with
// their elements.
func (s typeSet) made(row typeRow, rows map[uint32]typeRow) *capture.UserType {
	if row.schema == "pg_catalog" || row.schema == "information_schema" || row.elem != 0 {
		return nil
	}
	row.read = s.lastChanged(row)
	m := &capture.UserType{
		Kind: capture.UserTypeKind(row.class[0]), Read: row.read, Extension: row.extension, Labels: row.labels, Numbers: row.numbers, Modifier: row.modifier,
		Collation: row.collation, Required: row.required, Checks: row.checks, Operators: row.operators, Multi: row.multi,
	}
	if part := row.base + row.part; part != 0 { // a type has one of them
		m.Base = s.resolve(part, rows)
	}
	return m
}

// lastChanged returns when the present definition of a type was read first: a definition that was read again is the same one.
func (s typeSet) lastChanged(row typeRow) time.Time {
	row.read = row.read.UTC()
	was, known := s.rows[row.oid]
	if read := was.read; known {
		if was.read = row.read; reflect.DeepEqual(was, row) {
			return read
		}
	}
	s.rows[row.oid] = row
	return row.read
}

// delimiter returns the character that array_out puts between elements: a property of the element's type.
func delimiter(elem typeRow) byte {
	if elem.delim == "" {
		return ','
	}
	return elem.delim[0]
}
