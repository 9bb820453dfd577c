package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// side is one table in one of the two databases.
type side struct {
	conn   *pgconn.PgConn
	what   string // "source" or "replica"
	name   Name
	filter string
	table  *Table
	types  map[string]string   // of the columns, in SQL
	full   map[string][]string // of the columns, for Verifier.Misfits: the type with its modifier, and those under a domain
	fixed  map[string]string   // columns that a statement cannot set: "s" generated, "a" identity, always
}

// errAbsent means that a table does not exist.
var errAbsent = errors.New("the table does not exist")

// Types are printed with modifier -1: without it, character and bit would mean those of length 1. A user's type may be in another schema
// in the replica, so its schema is left out of what is compared.
const columnsQuery = `
SELECT a.attname, pg_catalog.format_type(a.atttypid, -1),
       CASE WHEN a.attgenerated <> '' THEN 's' WHEN a.attidentity = 'a' THEN 'a' ELSE '' END,
       (WITH RECURSIVE domains (oid, modifier, level) AS (
          SELECT a.atttypid, a.atttypmod, 0
          UNION ALL
          SELECT t.typbasetype, t.typtypmod, d.level + 1 FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.oid WHERE t.typtype = 'd')
        SELECT pg_catalog.json_agg(CASE
          WHEN coalesce(e.typnamespace, t.typnamespace) = 'pg_catalog'::pg_catalog.regnamespace THEN pg_catalog.format_type(d.oid, d.modifier)
          WHEN e.oid IS NOT NULL THEN e.typname || '[]' ELSE t.typname END ORDER BY d.level)
        FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.oid
        LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = $1 AND c.relname = $2`

func newSide(ctx context.Context, conn *pgconn.PgConn, what string, name Name, t *Table, filter string) (*side, error) {
	s := &side{conn: conn, what: what, name: name, filter: filter, table: t, types: map[string]string{}, full: map[string][]string{}, fixed: map[string]string{}}
	rows, err := query(ctx, conn, columnsQuery, name.Schema, name.Table)
	if err != nil {
		return nil, s.failed("read the columns of", err)
	}
	for _, row := range rows {
		var full []string
		if err := scan(row[3], &full); err != nil {
			return nil, s.failed("read the columns of", err)
		}
		name := string(row[0])
		s.types[name], s.fixed[name], s.full[name] = string(row[1]), string(row[2]), full
	}
	if len(rows) == 0 {
		return nil, s.failed("find", errAbsent)
	}
	return s, nil
}

func (s *side) failed(doing string, err error) error {
	return fmt.Errorf("%s %s in the %s: %w", doing, s.name, s.what, err)
}

// lacks returns the published columns that the table does not have.
func (s *side) lacks() (names []string) {
	for _, c := range s.table.Columns {
		if s.types[c] == "" {
			names = append(names, c)
		}
	}
	return names
}

// hash returns the SQL of a row's hash. The hash is the same on both sides and in all versions: the text of a row is what the
// output functions print, and a hash under "C" depends only on its bytes.
func (s *side) hash() string {
	return `pg_catalog.hashtextextended(ROW(` + pgconnect.Idents(s.table.Columns) + `)::pg_catalog.text COLLATE "C", 0)`
}

// span is a range of keys: greater than after, up to and including upto. An empty bound means no limit on that side.
type span struct{ after, upto []string }

// where returns the condition of a span and its parameters.
func (s *side) where(r span) (string, []string) {
	var parts []string
	var params []string
	if s.filter != "" {
		parts = append(parts, "("+s.filter+")")
	}
	bound := func(op string, key []string) {
		if len(key) == 0 {
			return
		}
		casts := make([]string, len(key))
		for i, k := range s.table.Key {
			casts[i] = fmt.Sprintf("$%d::%s", len(params)+i+1, s.types[k])
		}
		params = append(params, key...)
		parts = append(parts, fmt.Sprintf("(%s) %s (%s)", pgconnect.Idents(s.table.Key), op, strings.Join(casts, ", ")))
	}
	bound(">", r.after)
	bound("<=", r.upto)
	if len(parts) == 0 {
		return "true", nil
	}
	return strings.Join(parts, " AND "), params
}

// upto returns the key of the nth row after a key, or nil when fewer are left.
func (s *side) upto(ctx context.Context, after []string, n int) ([]string, error) {
	where, params := s.where(span{after: after})
	keys := pgconnect.Idents(s.table.Key)
	rows, err := query(ctx, s.conn, fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s OFFSET %d LIMIT 1", keys,
		s.name.sql(), where, keys, n-1), params...)
	if err != nil {
		return nil, s.failed("find the next range of", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return texts(rows[0]), nil
}

func texts(row [][]byte) []string {
	t := make([]string, len(row))
	for i := range row {
		t[i] = string(row[i])
	}
	return t
}

// digest is the number of rows in a range and the sum of their hashes.
type digest struct {
	rows int64
	sum  string
}

func (s *side) digest(ctx context.Context, r span) (d digest, err error) {
	where, params := s.where(r)
	rows, err := query(ctx, s.conn, fmt.Sprintf(
		"SELECT pg_catalog.count(*), COALESCE(pg_catalog.sum(h), 0) FROM (SELECT %s AS h FROM %s WHERE %s) AS r",
		s.hash(), s.name.sql(), where), params...)
	if err != nil {
		return d, s.failed("sum up", err)
	}
	d.sum = string(rows[0][1])
	return d, scan(rows[0][0], &d.rows)
}
