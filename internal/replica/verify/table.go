package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Table is a table of the source, and its target in the replica.
type Table struct {
	Source, Target Name
	OID            uint32   // in the source
	Columns        []string // the published columns
	Key            []string // the source's primary key; empty: it has none
	Filter         string   // the publication's row filter, in SQL; "": all rows
	Rows           int64    // estimated
}

// Name is the exact name of a table and its schema.
type Name struct{ Schema, Table string }

// String returns "schema.table".
func (n Name) String() string { return n.Schema + "." + n.Table }

func (n Name) sql() string { return pgconnect.Ident(n.Schema, n.Table) }

// Before 15 a publication has neither column lists nor row filters.
const tablesQuery = `
SELECT p.schemaname, p.tablename,
       COALESCE(pg_catalog.to_jsonb(p) ->> 'attnames',
                (SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum)::pg_catalog.text FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)),
       COALESCE((SELECT pg_catalog.array_to_json(pg_catalog.array_agg(a.attname ORDER BY k.ord))::pg_catalog.text
                 FROM pg_catalog.pg_index i
                 CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (num, ord)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
                 WHERE i.indrelid = c.oid AND i.indisprimary AND k.ord <= i.indnkeyatts), '[]'),
       COALESCE(pg_catalog.to_jsonb(p) ->> 'rowfilter', ''),
       GREATEST(c.reltuples, 0)::pg_catalog.int8::pg_catalog.text, c.oid::pg_catalog.text
FROM pg_catalog.pg_publication_tables p
JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
WHERE p.pubname = $1
ORDER BY 1, 2`

// Tables lists what a publication publishes. lands returns the target of a table in the replica.
func Tables(ctx context.Context, source *pgconn.PgConn, publication string, lands func(Name) Name) ([]Table, error) {
	rows, err := query(ctx, source, tablesQuery, publication)
	if err != nil {
		return nil, fmt.Errorf("read publication %s: %w", publication, err)
	}
	var all []Table
	for _, row := range rows {
		t := Table{Source: Name{string(row[0]), string(row[1])}, Filter: string(row[4])}
		if err := scan(row[2], &t.Columns, row[3], &t.Key, row[5], &t.Rows, row[6], &t.OID); err != nil {
			return nil, fmt.Errorf("read publication %s: %w", publication, err)
		}
		if !subset(t.Key, t.Columns) {
			t.Key = nil // a part of the key is not published
		}
		t.Target = lands(t.Source)
		all = append(all, t)
	}
	return all, nil
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
