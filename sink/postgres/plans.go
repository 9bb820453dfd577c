package postgres

import (
	"context"
	"slices"
	"strconv"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// plan returns the plan of a change's table and prepares the table for an initial copy, in the open transaction.
func (a *applier) plan(ctx context.Context, c *capture.Change) (*dml.Plan, error) {
	p := a.plans[c.Table]
	if p == nil {
		var err error
		if p, err = a.newPlan(ctx, c.Table); err != nil {
			return nil, err
		}
		a.plans[c.Table] = p
		a.newTables = append(a.newTables, c.Table)
	}
	return p, a.prepareCopy(ctx, p, c)
}

func (a *applier) newPlan(ctx context.Context, t *capture.Table) (*dml.Plan, error) {
	rel, err := a.catalog.Relation(ctx, a.db.PG, t)
	if err != nil {
		a.earlierShapes = slices.DeleteFunc(slices.Clone(a.newTables), func(o *capture.Table) bool { return o.OID != t.OID || t.OID == 0 })
		return nil, named("find the target of "+t.String(), err)
	}
	a.earlierShapes = nil // of a failed attempt
	for _, note := range rel.Notes {
		a.log.Warn("table of the target", zap.Stringer("table", t), zap.String("note", note))
	}
	p := dml.NewPlan(t, rel)
	if a.options.KeepDeletes && len(p.Key) > 0 { // a row that is inserted again may exist
		p.OnConflict = p.OnConflictSQL()
		p.Insert.SQL += p.OnConflict
	}
	return p, a.inspect(ctx, p)
}

// inspectQuery reads what a plan needs besides the columns: whether a delete cascades to other tables, whether the table is
// partitioned, and the equality operators of types outside pg_catalog, which are not in the search path.
const inspectQuery = `
SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = c.oid AND confdeltype IN ('c', 'n', 'd')),
  c.relkind = 'p', a.attname, e.operator
FROM pg_catalog.pg_class c LEFT JOIN (pg_catalog.pg_attribute a JOIN LATERAL (
    SELECT 'OPERATOR(' || pg_catalog.quote_ident(n.nspname) || '.' || p.oprname || ')' AS operator
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_opclass o ON o.opcintype IN (t.oid, t.typbasetype) AND o.opcdefault
    JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
    JOIN pg_catalog.pg_amop x ON x.amopfamily = o.opcfamily AND x.amoplefttype = o.opcintype AND x.amoprighttype = o.opcintype
      AND x.amopstrategy = 3
    JOIN pg_catalog.pg_operator p ON p.oid = x.amopopr JOIN pg_catalog.pg_namespace n ON n.oid = p.oprnamespace
    WHERE t.oid = a.atttypid AND n.nspname <> 'pg_catalog') e ON true) ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.oid = $1::pg_catalog.oid`

func (a *applier) inspect(ctx context.Context, p *dml.Plan) error {
	rows, err := a.db.Query(ctx, inspectQuery, strconv.AppendUint(nil, uint64(p.Rel.OID), 10))
	if err != nil {
		return named("look at "+p.Name, err)
	}
	for _, r := range rows {
		p.Cascades = string(r[0]) == "t" && a.options.Constraints != Off
		p.Partitioned = string(r[1]) == "t"
		if r[2] != nil {
			p.Operators[string(r[2])] = string(r[3])
		}
	}
	return nil
}
