package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tailrace/tailrace/capture"
)

// kinds are the built-in types that are more than text. Their OIDs are the same in every database.
var kinds = map[uint32]capture.TypeKind{
	pgtype.BoolOID:        capture.KindBool,
	pgtype.Int2OID:        capture.KindInt,
	pgtype.Int4OID:        capture.KindInt,
	pgtype.Int8OID:        capture.KindInt,
	pgtype.Float4OID:      capture.KindFloat,
	pgtype.Float8OID:      capture.KindFloat,
	pgtype.NumericOID:     capture.KindNumeric,
	moneyOID:              capture.KindMoney,
	pgtype.ByteaOID:       capture.KindBytes,
	pgtype.JSONOID:        capture.KindJSON,
	pgtype.JSONBOID:       capture.KindJSON,
	pgtype.DateOID:        capture.KindDate,
	pgtype.TimestampOID:   capture.KindTimestamp,
	pgtype.TimestamptzOID: capture.KindTimestampTZ,
	pgtype.IntervalOID:    capture.KindInterval,
}

const moneyOID = 790

// typeRow is a type as the catalogue has it.
type typeRow struct {
	oid          uint32
	schema, name string
	base         uint32 // of a domain, else 0
	elem         uint32 // of an array, else 0
	composite    bool
	hstore       bool
	delim        string
	fields       []string // of a composite
	fieldTypes   []uint32
}

// typesQuery reads types and all that they are made of. An array is what array_out prints: int2vector and oidvector
// have elements too, and print them otherwise.
const typesQuery = `
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
    ) AS part (oid)
)
SELECT t.oid, n.nspname::pg_catalog.text, t.typname::pg_catalog.text,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE 0 END,
       CASE WHEN t.typtype = 'b' AND t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc
            THEN t.typelem ELSE 0 END,
       t.typtype = 'c',
       t.typname = 'hstore' AND t.typtype = 'b' AND EXISTS (
           SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
           WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
             AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
             AND e.extname = 'hstore'),
       t.typdelim::pg_catalog.text,
       ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
             WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum),
       ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a
             WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum)
FROM need
JOIN pg_catalog.pg_type t ON t.oid = need.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`

// typeRows reads the types with these OIDs and, recursively, what they are made of, in one query.
func typeRows(ctx context.Context, conn *pgx.Conn, oids []uint32) (map[uint32]typeRow, error) {
	rows, err := conn.Query(ctx, typesQuery, oids)
	if err != nil {
		return nil, fmt.Errorf("read types from the catalogue: %w", err)
	}
	all := map[uint32]typeRow{}
	var t typeRow
	into := []any{
		&t.oid, &t.schema, &t.name, &t.base, &t.elem, &t.composite, &t.hstore, &t.delim, &t.fields,
		&t.fieldTypes,
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
