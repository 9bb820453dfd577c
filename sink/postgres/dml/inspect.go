package dml

import (
	"context"
	"strconv"
	"strings"
)

// inspectQuery reads what plans have to know of their targets besides the columns: whether rows of other tables go with a
// row, whether it has partitions, and the equality of types that are not Postgres' own, which no search path finds.
const inspectQuery = `
SELECT c.oid, c.oid IN (SELECT confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confdeltype IN ('c', 'n', 'd')),
  c.relkind = 'p', a.attname, e.operator
FROM pg_catalog.pg_class c LEFT JOIN (pg_catalog.pg_attribute a JOIN LATERAL (
    SELECT 'OPERATOR(' || pg_catalog.quote_ident(n.nspname) || '.' || p.oprname || ')' AS operator
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_opclass o ON o.opcintype IN (t.oid, t.typbasetype) AND o.opcdefault
    JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
    JOIN pg_catalog.pg_amop x ON x.amopfamily = o.opcfamily AND x.amoplefttype = o.opcintype AND x.amoprighttype = o.opcintype
      AND x.amopstrategy = 3
    JOIN pg_catalog.pg_operator p ON p.oid = x.amopopr JOIN pg_catalog.pg_namespace n ON n.oid = p.oprnamespace
    WHERE t.oid = a.atttypid AND n.nspname <> 'pg_catalog') e ON true) ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.oid = ANY ($1::pg_catalog.oid[])`

// Inspect completes plans with what inspectQuery reads. keys reports whether the foreign keys of the target are in force.
func Inspect(ctx context.Context, db *Conn, plans []*Plan, keys bool) error {
	byOID := map[string]*Plan{}
	var oids []string
	for _, p := range plans {
		oid := strconv.FormatUint(uint64(p.Rel.OID), 10)
		byOID[oid] = p
		oids = append(oids, oid)
	}
	rows, err := db.Query(ctx, inspectQuery, []byte("{"+strings.Join(oids, ",")+"}"))
	if err != nil {
		return err
	}
	for _, r := range rows {
		p := byOID[string(r[0])]
		p.cascades = string(r[1]) == "t" && keys
		p.partitioned = string(r[2]) == "t"
		if r[3] != nil {
			p.operators[string(r[3])] = string(r[4])
		}
	}
	return nil
}
