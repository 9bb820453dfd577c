package pgoutput

// Relation describes a table. It comes before the first change of the table on a connection, and again when the table
// has changed since.
type Relation struct {
	ID       uint32 // the table's OID
	Schema   string
	Name     string
	Identity byte // pg_class.relreplident: 'd' default, 'n' nothing, 'f' full, 'i' index
	Columns  []Column
}

// Column is a published column of a Relation.
type Column struct {
	Name     string
	Type     uint32 // OID
	Modifier int32  // pg_attribute.atttypmod; -1: none
	Key      bool   // part of the replica identity; with 'f' every column is
}

// The values of Relation.Identity.
const (
	IdentityDefault = 'd'
	IdentityNothing = 'n'
	IdentityFull    = 'f'
	IdentityIndex   = 'i'
)

// minColumn is the size of a column without its name: flags, the name's end, type and modifier.
const minColumn = 1 + 1 + 4 + 4

// Decode reads the body of a KindRelation. The columns are a new slice each time.
func (m *Relation) Decode(src []byte) error {
	c := read(KindRelation, src)
	m.ID = c.uint32("relation id")
	m.Schema = c.schema()
	m.Name = c.string("name")
	m.Identity = c.byte("replica identity")
	m.Columns = nil
	n := int(c.uint16("number of columns"))
	if n*minColumn > c.left() {
		c.fail("%d columns do not fit into %d bytes", n, c.left())
	}
	if c.err != nil {
		return c.err
	}
	m.Columns = make([]Column, n)
	for i := range m.Columns {
		m.Columns[i] = c.column()
	}
	return c.end()
}

func (c *cursor) column() Column {
	const key = 1
	return Column{
		Key:      c.byte("column flags")&key != 0,
		Name:     c.string("column name"),
		Type:     c.uint32("column type"),
		Modifier: int32(c.uint32("column modifier")),
	}
}

// schema reads the name of a schema: the server sends nothing for pg_catalog.
func (c *cursor) schema() string {
	if s := c.string("schema"); s != "" || c.err != nil {
		return s
	}
	return "pg_catalog"
}
