package pgoutput

// Type names a type that is not built in. It comes before the first Relation with a column of it.
type Type struct {
	ID     uint32 // OID
	Schema string
	Name   string
}

// Decode reads the body of a KindType.
func (m *Type) Decode(src []byte) error {
	c := read(KindType, src)
	m.ID = c.uint32("type id")
	m.Schema = c.schema()
	m.Name = c.string("name")
	return c.end()
}
