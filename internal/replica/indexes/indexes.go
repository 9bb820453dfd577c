package indexes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/internal/replica/verify"
)

// index is a secondary index. On both sides its definition is printed with the same settings, so equal texts are equal
// indexes.
type index struct {
	Name       string
	Unique     bool
	Valid      bool
	Constraint bool     // it belongs to a UNIQUE constraint
	Deferrable bool     // and the constraint is deferrable
	Definition string   // from USING on
	Columns    []string // without expressions
}

// ofTable reads the indexes of a table, except those of its primary key and of exclusion constraints.
const ofTable = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('Name', c.relname, 'Unique', i.indisunique, 'Valid', i.indisvalid,
    'Constraint', k.oid IS NOT NULL, 'Deferrable', coalesce(k.condeferrable, false),
    'Definition', pg_catalog.substr(d.whole, pg_catalog.length(d.head) + 2),
    'Columns', coalesce((SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)), '[]')) ORDER BY c.relname), '[]')
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_class t ON t.relnamespace = n.oid AND t.relname = $2
JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND NOT i.indisprimary AND NOT i.indisexclusion
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'u'
CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_indexdef(c.oid), 'CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
    || 'INDEX ' || pg_catalog.quote_ident(c.relname) || ' ON ' || CASE t.relkind WHEN 'p' THEN 'ONLY ' ELSE '' END
    || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname)) AS d (whole, head)
WHERE n.nspname = $1`

// Statements returns the SQL that creates the secondary indexes of the source that the target's tables lack. The statements
// block writes only for the duration of a catalog change, so none of them can run in a transaction. A deferrable UNIQUE
// constraint remains one, checked at the end of each transaction: rows that exchange their values in the source also do so in
// the replica. An index on unpublished columns is left out. An index that a previous statement left invalid is dropped first.
func Statements(ctx context.Context, source, target *pgconn.PgConn, tables []verify.Table) ([]string, error) {
	var all []string
	for _, t := range tables {
		want, err := read(ctx, source, t.Source)
		if err != nil {
			return nil, fmt.Errorf("read indexes of %s in the source: %w", t.Source, err)
		}
		have, err := read(ctx, target, t.Target)
		if err != nil {
			return nil, fmt.Errorf("read indexes of %s in the replica: %w", t.Target, err)
		}
		for _, i := range want {
			if i.Valid && !slices.ContainsFunc(i.Columns, func(c string) bool { return !slices.Contains(t.Columns, c) }) {
				all = append(all, i.statements(t.Target, have)...)
			}
		}
	}
	return all, nil
}

// statements returns the statements for one index, given the existing ones.
func (i *index) statements(on verify.Name, have []index) (all []string) {
	name := i.Name
	for _, h := range have {
		switch {
		case h.Definition == i.Definition && h.Unique == i.Unique && h.Valid:
			if i.Deferrable && !h.Constraint {
				return []string{deferred(on, h.Name)}
			}
			return nil
		case h.Name == i.Name && !h.Valid:
			all = append(all, "DROP INDEX CONCURRENTLY "+pgconnect.Ident(on.Schema, h.Name))
		}
	}
	for n := 1; slices.ContainsFunc(have, func(h index) bool { return h.Name == name && h.Valid }); n++ {
		name = fmt.Sprintf("%s_%d", i.Name, n) // the name is in use
	}
	unique := ""
	if i.Unique {
		unique = "UNIQUE "
	}
	all = append(all, fmt.Sprintf("CREATE %sINDEX CONCURRENTLY %s ON %s %s", unique, pgconnect.Ident(name),
		pgconnect.Ident(on.Schema, on.Table), i.Definition))
	if i.Deferrable {
		all = append(all, deferred(on, name))
	}
	return all
}

// deferred returns the statement that turns an index into a deferred constraint.
func deferred(on verify.Name, name string) string {
	name = pgconnect.Ident(name)
	return fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s DEFERRABLE INITIALLY DEFERRED",
		pgconnect.Ident(on.Schema, on.Table), name, name)
}

func read(ctx context.Context, conn *pgconn.PgConn, n verify.Name) (all []index, err error) {
	r := conn.ExecParams(ctx, ofTable, [][]byte{[]byte(n.Schema), []byte(n.Table)}, nil, nil, nil).Read()
	if r.Err != nil {
		return nil, r.Err
	}
	return all, json.Unmarshal(r.Rows[0][0], &all)
}
