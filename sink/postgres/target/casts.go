package target

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// cast tells how the target converts a column to the type that the source's column has now.
type cast struct {
	Number   int16 // of the target column
	Explicit bool  // an expression may be cast: USING column::type is accepted
	Assigned bool  // a value is converted by itself, as that of a default has to be
}

// castsQuery reads the casts between the types of columns and others. A type that does not exist yet has none.
var castsQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Number', a.attnum,
    'Explicit', et.oid = tt.oid AND ff.is_array = tf.is_array OR 'S' IN (fc.typcategory, tc.typcategory)
      OR ff.is_array = tf.is_array AND ('S' IN (et.typcategory, tt.typcategory) OR k.castcontext IS NOT NULL),
    'Assigned', et.oid = tt.oid AND ff.is_array = tf.is_array OR tc.typcategory = 'S'
      OR ff.is_array = tf.is_array AND (tt.typcategory = 'S' OR coalesce(k.castcontext <> 'e', false))))
FROM pg_catalog.json_to_recordset($2::pg_catalog.json) AS wanted ("Number" pg_catalog.int2, "Type" pg_catalog.text)
JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::pg_catalog.text::pg_catalog.oid AND a.attnum = wanted."Number"
CROSS JOIN LATERAL (` + baseOf("a.atttypid") + `) ff
CROSS JOIN LATERAL (` + baseOf(`pg_catalog.to_regtype(wanted."Type")`) + `) tf
CROSS JOIN LATERAL (` + baseOf("CASE WHEN ff.is_array THEN ff.typelem ELSE ff.oid END") + `) fe
CROSS JOIN LATERAL (` + baseOf("CASE WHEN tf.is_array THEN tf.typelem ELSE tf.oid END") + `) te
JOIN pg_catalog.pg_type fc ON fc.oid = ff.oid JOIN pg_catalog.pg_type tc ON tc.oid = tf.oid
JOIN pg_catalog.pg_type et ON et.oid = fe.oid JOIN pg_catalog.pg_type tt ON tt.oid = te.oid
LEFT JOIN pg_catalog.pg_cast k ON k.castsource = et.oid AND k.casttarget = tt.oid`

// findCasts reads the casts of the columns whose types differ from the source's.
func (p *planned) findCasts(ctx context.Context, conn *pgconn.PgConn) error {
	type other struct {
		Number int16
		Type   string
	}
	var wanted []other
	for i := range p.table.Columns {
		c := &p.table.Columns[i]
		if f, want := p.column(c), p.types.sql(c.Type, c.Modifier); f != nil && f.Full != want {
			wanted = append(wanted, other{f.Number, want})
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var all []cast
	if err := ask(ctx, conn, &all, castsQuery, fmt.Sprint(p.found.OID), wanted); err != nil {
		return fmt.Errorf("read casts of %s: %w", p.target, err)
	}
	p.casts = map[int16]cast{}
	for _, k := range all {
		p.casts[k.Number] = k
	}
	return nil
}

// cast returns the cast of a column. Where it is not known, everything is assumed to be possible.
func (p *planned) cast(f *foundColumn) cast {
	if k, known := p.casts[f.Number]; known {
		return k
	}
	return cast{Number: f.Number, Explicit: true, Assigned: true}
}
