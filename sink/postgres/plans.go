package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// plan finds the plan of a change's table, within the transaction that is open, and makes room for a first copy.
func (a *applier) plan(ctx context.Context, c *capture.Change) (*dml.Plan, error) {
	if a.plans[c.Table] == nil {
		if err := a.newPlans(ctx, []*capture.Table{c.Table}); err != nil {
			return nil, err
		}
	}
	p := a.plans[c.Table]
	return p, a.prepareCopy(ctx, p, c)
}

// newPlans makes the plans of tables in a number of round trips that does not grow with theirs. No two are shapes of one table.
func (a *applier) newPlans(ctx context.Context, tables []*capture.Table) error {
	relations, err := a.catalog.Relations(ctx, a.db.PG, tables)
	if err != nil {
		a.earlierShapes = slices.DeleteFunc(slices.Clone(a.newTables), func(o *capture.Table) bool {
			return !slices.ContainsFunc(tables, func(t *capture.Table) bool { return o.OID == t.OID && t.OID != 0 })
		})
		return named("find targets", err)
	}
	a.earlierShapes = nil // of an attempt that was repeated
	plans := make([]*dml.Plan, len(tables))
	for i, t := range tables {
		for _, note := range relations[i].Notes {
			a.log.Warn("table of the target", zap.Stringer("table", t), zap.String("note", note))
		}
		p := dml.NewPlan(t, relations[i])
		if a.options.KeepDeletes && len(p.Key) > 0 { // a row that comes back finds itself
			p.OnConflict = p.OnConflictSQL()
			p.Insert.SQL += p.OnConflict
		}
		plans[i] = p
	}
	if err := a.inspect(ctx, plans); err != nil {
		return err
	}
	for i, t := range tables {
		a.plans[t] = plans[i]
	}
	a.newTables = append(a.newTables, tables...)
	return nil
}

// unplanned are the tables of changes, beginning with the first one's, that have no plan: each in the first shape that comes.
// A later one has to wait for the rows of that.
func (a *applier) unplanned(changes []*capture.Change) []*capture.Table {
	tables := []*capture.Table{changes[0].Table}
	seen := map[uint32]bool{0: true, changes[0].Table.OID: true}
	last := changes[0].Table
	for _, c := range changes[1:] {
		if c.Table == last || c.Op == capture.Truncate && a.options.IgnoreTruncate {
			continue
		}
		if last = c.Table; seen[last.OID] {
			continue
		}
		seen[last.OID] = true
		if a.plans[last] == nil {
			tables = append(tables, last)
		}
	}
	return tables
}

// inspectQuery reads what plans have to know of their targets beside the columns: whether rows of other tables go with a
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

func (a *applier) inspect(ctx context.Context, plans []*dml.Plan) error {
	byOID := map[string]*dml.Plan{}
	var oids []string
	for _, p := range plans {
		oid := strconv.FormatUint(uint64(p.Rel.OID), 10)
		byOID[oid] = p
		oids = append(oids, oid)
	}
	rows, err := a.db.Query(ctx, inspectQuery, []byte("{"+strings.Join(oids, ",")+"}"))
	if err != nil {
		return named("look at "+plans[0].Name+" and others", err)
	}
	for _, r := range rows {
		p := byOID[string(r[0])]
		p.Cascades = string(r[1]) == "t" && a.options.Constraints != Off
		p.Partitioned = string(r[2]) == "t"
		if r[3] != nil {
			p.Operators[string(r[3])] = string(r[4])
		}
	}
	return nil
}
