package target

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// entry is a row of tailrace.tables.
type entry struct {
	Pipeline, Sink       string
	Source, SourceSchema string
	OID                  uint32
	Schema, Table        string
	Columns              []known
	New                  bool // this transaction created it
	Written              bool // this transaction has written it last
}

// byNames reports whether this transaction recorded the columns after the operator had let them be matched by name: its later shapes are
// matched so, too. verify compares the rows.
func (e *entry) byNames() bool {
	return e.Written && slices.ContainsFunc(e.Columns, func(k known) bool { return k.Number != 0 && k.Latest != 0 })
}

// known is a column as it was last recorded.
type known struct {
	Number int16  // of the source column; 0: not known, or the source never had it
	Name   string // of the source column
	Type   string // of the source column, as the target prints it
	Target string // the type of the target column
	Place  int16  // the number of the target column
	Latest int16  `json:",omitempty"` // the highest number that an unsure column may have had; 0: it was not unsure
	// Left means that the target column has a type that another column of the source has left behind. It accepts the values of this
	// one, but no operator has chosen it.
	Left bool `json:",omitempty"`
	// Gone means that only the target has the column: the source has dropped it, or never had it. A source column that is
	// added later with the same name is a different column.
	Gone bool `json:",omitempty"`
	// Generated means that the source generates the column. If the stream does not carry it, Place may be 0: the target lacks it.
	Generated bool `json:",omitempty"`

	taken bool // the shape that is planned has a column with this number, so a column whose number is unknown is another one
}

// take marks the columns of the record that the shape has by their numbers.
func (e *entry) take(t *capture.Table) {
	for i := 0; e != nil && i < len(e.Columns); i++ {
		k := &e.Columns[i]
		k.taken = k.Number != 0 && slices.ContainsFunc(t.Columns, func(c capture.Column) bool { return c.Number == k.Number })
	}
}

// source returns what was recorded about a source column. It looks it up by number, or by name when the number is not known.
func (e *entry) source(c *capture.Column) *known {
	if e == nil {
		return nil
	}
	if e.byNames() {
		return e.byName(c.Name)
	}
	for i := range e.Columns {
		k := &e.Columns[i]
		if c.Number != 0 && k.Number == c.Number {
			return k
		}
	}
	for i := range e.Columns {
		k := &e.Columns[i]
		if !k.Gone && !k.taken && k.Name == c.Name && (c.Number == 0 || k.Number == 0) && !k.older(c) {
			return k
		}
	}
	return nil
}

// older reports whether k was unsure when it was recorded and the source added c after that.
func (k *known) older(c *capture.Column) bool {
	return k.Number == 0 && k.Latest != 0 && c.Number > k.Latest
}

// maybe reports whether a source column may differ from the one that was recorded under its name.
func (k *known) maybe(c *capture.Column) bool {
	if k.Number == 0 {
		return k.Latest != 0 && c.Unsure && c.Latest > k.Latest
	}
	return k.Number != c.Number
}

// byName returns what was recorded about the source column with a name, or nil.
func (e *entry) byName(name string) *known {
	for i := range e.Columns {
		if k := &e.Columns[i]; k.Name == name && !k.Gone {
			return k
		}
	}
	return nil
}

// at returns what was recorded about the target column with a number, or nil.
func (e *entry) at(place int16) *known {
	if e == nil {
		return nil
	}
	for i := range e.Columns {
		if e.Columns[i].Place == place {
			return &e.Columns[i]
		}
	}
	return nil
}

// dropped reports whether a target column holds the values of a column that the source has dropped.
func (e *entry) dropped(place int16, t *capture.Table) bool {
	k := e.at(place)
	is := func(c capture.Column) bool { return c.Number == k.Number }
	return k != nil && k.Number != 0 && !slices.ContainsFunc(t.Columns, is) && !slices.ContainsFunc(t.Computed, is)
}

// known returns what is recorded about a source column and its target.
func (p *planned) known(c *capture.Column, f *foundColumn) known {
	k := known{Number: c.Number, Name: c.Name, Type: p.types.sql(c.Type, c.Modifier), Target: f.Full, Place: f.Number}
	k.Left = p.left(c, f, k.Type)
	switch was := p.was.source(c); {
	case was == nil:
		k.Latest = c.Latest
	case c.Unsure:
		k.Latest = max(c.Latest, was.Latest)
	case k.Number != 0 && was.Number == 0: // an older shape than the one for which the operator has let names count
		k.Latest = was.Latest
	case k.Number == 0 && was.Place == f.Number:
		k.Number, k.Latest = was.Number, was.Latest
	}
	return k
}

const leftQuery = `
SELECT pg_catalog.json_agg(a.attname)
FROM tailrace.tables t CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(t.columns) AS k
JOIN pg_catalog.pg_namespace n ON n.nspname = t.target_schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.target_table
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = (k ->> 'Place')::pg_catalog.int2 AND NOT a.attisdropped
WHERE (t.pipeline, t.sink, t.target_schema, t.target_table) = ($1, $2, $3, $4) AND k ? 'Left'`

// LeftTypes returns the columns of a target, by their names there, whose type another column of the source has left behind. conn is any
// connection to the target.
func LeftTypes(ctx context.Context, conn *pgconn.PgConn, pipeline, sink, schema, table string) (names []string, err error) {
	err = ask(ctx, conn, &names, leftQuery, pipeline, sink, schema, table)
	if sqlstate(err) == pgconnect.UndefinedTable {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("read tailrace.tables: %w", err)
	}
	return names, err
}
