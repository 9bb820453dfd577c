package postgres

import (
	"context"
	"slices"

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
	if err := dml.Inspect(ctx, a.db, plans, a.options.Constraints != Off); err != nil {
		return named("look at "+plans[0].Name+" and others", err)
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
