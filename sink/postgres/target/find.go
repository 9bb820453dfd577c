package target

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

const findQuery = `
SELECT c.oid::pg_catalog.text, a.attname,
       pg_catalog.format_type(a.atttypid, -1), (t.typcategory = 'A')::pg_catalog.text,
       (a.attgenerated <> '')::pg_catalog.text, (a.attidentity = 'a')::pg_catalog.text,
       EXISTS (SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
               WHERE m.amname = 'btree' AND o.opcdefault
                 AND o.opcintype = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END)::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
ORDER BY a.attnum`

// find reads a table that exists.
func (c *Catalog) find(ctx context.Context, conn *pgconn.PgConn, t *capture.Table) (*Relation, error) {
	r := &Relation{Schema: c.Schema, Name: t.Name, Key: t.Key}
	if r.Schema == "" {
		r.Schema = t.Schema
	}
	read := conn.ExecParams(ctx, findQuery, [][]byte{[]byte(r.Schema), []byte(r.Name)}, nil, nil, nil).Read()
	if read.Err != nil {
		return nil, fmt.Errorf("read table %s.%s: %w", r.Schema, r.Name, read.Err)
	}
	if len(read.Rows) == 0 {
		return nil, fmt.Errorf("table %s.%s does not exist", r.Schema, r.Name)
	}
	oid, err := strconv.ParseUint(string(read.Rows[0][0]), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read table %s.%s: %w", r.Schema, r.Name, err)
	}
	r.OID = uint32(oid)
	there := map[string]Column{}
	for _, row := range read.Rows {
		there[string(row[1])] = Column{
			Name: string(row[1]), Type: string(row[2]), Array: string(row[3]) == "true",
			Generated: string(row[4]) == "true", Identity: string(row[5]) == "true", Equal: string(row[6]) == "true",
		}
	}
	for _, column := range t.Columns {
		found, ok := there[column.Name]
		if !ok {
			return nil, fmt.Errorf("table %s.%s has no column %s", r.Schema, r.Name, column.Name)
		}
		r.Columns = append(r.Columns, found)
	}
	return r, nil
}
