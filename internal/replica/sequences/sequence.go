package sequences

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/internal/replica/verify"
)

// sequence is a sequence that a column of the source takes its values from.
type sequence struct {
	Schema, Name string
	Column       string
	Identity     bool // of an identity column
	Owned        bool // owned by the column
	Default      bool // the column's default is nextval of it and nothing else
	Type         string
	Start        int64
	Increment    int64
	Min, Max     int64
	Cache        int64
	Cycle        bool
	state
}

// state is the state of a sequence.
type state struct {
	Last   int64
	Called bool // nextval has returned Last
}

// next returns what nextval would return without limits.
func (s state) next(increment int64) int64 {
	if s.Called {
		return s.Last + increment
	}
	return s.Last
}

// ofTable reads the sequences of a table: those that belong to its columns, and those that their defaults use.
const ofTable = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('Schema', n.nspname, 'Name', c.relname, 'Column', a.attname,
    'Identity', a.attidentity <> '', 'Owned', o.owned,
    'Default', pg_catalog.pg_get_expr(d.adbin, d.adrelid) IS NOT DISTINCT FROM
        'nextval(''' || pg_catalog.replace(s.seqrelid::pg_catalog.regclass::pg_catalog.text, '''', '''''') || '''::regclass)',
    'Type', pg_catalog.format_type(s.seqtypid, -1), 'Start', s.seqstart, 'Increment', s.seqincrement, 'Min', s.seqmin,
    'Max', s.seqmax, 'Cache', s.seqcache, 'Cycle', s.seqcycle) ORDER BY a.attnum, c.relname), '[]')
FROM pg_catalog.pg_namespace tn
JOIN pg_catalog.pg_class t ON t.relnamespace = tn.oid AND t.relname = $2
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
CROSS JOIN pg_catalog.pg_sequence s
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM pg_catalog.pg_depend p
    WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = s.seqrelid AND p.deptype IN ('a', 'i')
      AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = t.oid AND p.refobjsubid = a.attnum)) o (owned)
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE tn.nspname = $1 AND (o.owned OR EXISTS (
    SELECT FROM pg_catalog.pg_depend p
    WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
      AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = s.seqrelid))`

// read reads the sequences of the columns of a table that are published, and their states.
func read(ctx context.Context, source *pgconn.PgConn, t verify.Table) ([]sequence, error) {
	var all []sequence
	if err := ask(ctx, source, &all, ofTable, t.Source.Schema, t.Source.Table); err != nil {
		return nil, fmt.Errorf("read sequences of %s: %w", t.Source, err)
	}
	for i := range all {
		s := &all[i]
		if err := s.locate(ctx, source, s.Schema); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// locate reads the state of a sequence.
func (s *sequence) locate(ctx context.Context, conn *pgconn.PgConn, schema string) error {
	name := pgconnect.Ident(schema, s.Name)
	err := ask(ctx, conn, &s.state, "SELECT pg_catalog.json_build_object('Last', last_value, 'Called', is_called) FROM "+name)
	if err != nil {
		return fmt.Errorf("read sequence %s: %w", name, err)
	}
	return nil
}

// ask executes a query that returns one JSON value.
func ask(ctx context.Context, conn *pgconn.PgConn, into any, sql string, args ...string) error {
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	r := conn.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if r.Err != nil {
		return r.Err
	}
	if len(r.Rows) != 1 || r.Rows[0][0] == nil {
		return nil
	}
	return json.Unmarshal(r.Rows[0][0], into)
}
