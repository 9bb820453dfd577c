package decode

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// typesQuery reads types and the types that they depend on. An array is what array_out prints: int2vector and oidvector
// have elements too, but print them differently.
var typesQuery = `
WITH RECURSIVE need (oid) AS (
    SELECT pg_catalog.unnest($1::pg_catalog.oid[])
    UNION
    SELECT part.oid
    FROM need
    JOIN pg_catalog.pg_type t ON t.oid = need.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem WHERE t.typtype = 'b' AND t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc
        UNION ALL
        SELECT a.atttypid FROM pg_catalog.pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.typtype = 'r' AND r.rngtypid = t.oid
        UNION ALL
        SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE t.typtype = 'm' AND r.rngmultitypid = t.oid
    ) AS part (oid)
)
SELECT t.oid, n.nspname::pg_catalog.text, t.typname::pg_catalog.text, t.typtype::pg_catalog.text, t.typlen,
       coalesce((SELECT e.extname::pg_catalog.text
           FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
           WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
             AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'), ''),
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE 0 END,
       CASE WHEN t.typtype = 'b' AND t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc
            THEN t.typelem ELSE 0 END,
       coalesce(r.rngsubtype, m.rngtypid, 0),
       t.typdelim::pg_catalog.text, t.typtypmod,
       ` + collationOf("coalesce(r.rngcollation, t.typcollation)", "coalesce(part.typcollation, t.typcollation)") + `,
       t.typnotnull,
       ARRAY(SELECT pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k
             WHERE t.typtype = 'd' AND k.contypid = t.oid AND k.contype = 'c' AND k.convalidated ORDER BY k.conname),
       ARRAY(SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e
             WHERE t.typtype = 'e' AND e.enumtypid = t.oid ORDER BY e.enumsortorder),
       ARRAY(SELECT e.oid FROM pg_catalog.pg_enum e WHERE t.typtype = 'e' AND e.enumtypid = t.oid ORDER BY e.enumsortorder),
       pg_catalog.now(), -- not later than the snapshot of the query
       coalesce((SELECT pg_catalog.quote_ident(sn.nspname) || '.' || pg_catalog.quote_ident(o.opcname)
           FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace sn ON sn.oid = o.opcnamespace
           WHERE o.oid = r.rngsubopc AND NOT o.opcdefault), ''),
       coalesce((SELECT mt.typname::pg_catalog.text FROM pg_catalog.pg_type mt WHERE mt.oid = r.rngmultitypid), ''),
       f.names, f.numbers, f.types, f.modifiers, f.collations
FROM need
JOIN pg_catalog.pg_type t ON t.oid = need.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_range r ON t.typtype = 'r' AND r.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_range m ON t.typtype = 'm' AND m.rngmultitypid = t.oid
LEFT JOIN pg_catalog.pg_type part ON part.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype WHEN 'r' THEN r.rngsubtype END
LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attnum), pg_catalog.array_agg(a.attnum ORDER BY a.attnum),
           pg_catalog.array_agg(a.atttypid ORDER BY a.attnum), pg_catalog.array_agg(a.atttypmod ORDER BY a.attnum),
           pg_catalog.array_agg(` + collationOf("a.attcollation", "at.typcollation") + ` ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type at ON at.oid = a.atttypid
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
) AS f (names, numbers, types, modifiers, collations) ON t.typtype = 'c'`

// collationOf returns the SQL of a collation's name, qualified and quoted, and ” where it is the usual one.
func collationOf(collation, usual string) string {
	return `coalesce((SELECT pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
           FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
           WHERE co.oid = ` + collation + ` AND co.oid <> ` + usual + `), '')`
}

// typeRows reads the types with these OIDs and, recursively, the types that they depend on, in one query.
func typeRows(ctx context.Context, conn *pgx.Conn, oids []uint32) (map[uint32]typeRow, error) {
	query := typesQuery
	if pgconnect.Major(conn.PgConn()) < 14 { // it has no multiranges
		query = strings.NewReplacer("r.rngmultitypid", "0", "m.rngmultitypid", "0").Replace(query)
	}
	rows, err := conn.Query(ctx, query, oids)
	if err != nil {
		return nil, fmt.Errorf("read types from the catalogue: %w", err)
	}
	all := map[uint32]typeRow{}
	var t typeRow
	into := []any{
		&t.oid, &t.schema, &t.name, &t.class, &t.length, &t.extension, &t.base, &t.elem, &t.part, &t.delim, &t.modifier, &t.collation,
		&t.required, &t.checks, &t.labels, &t.numbers, &t.read, &t.operators, &t.multi, &t.fields, &t.fieldNums, &t.fieldTypes, &t.fieldMods, &t.fieldOrder,
	}
	if _, err = pgx.ForEachRow(rows, into, func() error {
		all[t.oid] = t
		t = typeRow{}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read types from the catalogue: %w", err)
	}
	return all, nil
}
