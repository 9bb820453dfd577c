package target

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// Catalog finds and creates relations. It is used by one goroutine at a time, on one connection whose search_path is empty.
type Catalog struct {
	// Pipeline and Sink name the owner of the tables.
	Pipeline, Sink string
	// Schema is the schema of all tables and types; "" keeps each in the schema that it has in the source.
	Schema string
	// AddColumns lets Relation add what the source has and the target lacks. Without it, that is a *capture.Problem.
	AddColumns bool
	// Upserts means that rows are inserted with ON CONFLICT. The key then needs an index that is not deferrable, even where the
	// source's is.
	Upserts bool
	// Repairs means that the caller compares all rows afterwards, and that no row of an older shape follows. A missing column is
	// then added even if the values of older rows are unknown, and a column gets the name that it has in the source.
	Repairs bool
	// Before is called before each statement that creates or alters an object, with the reason for altering an existing one.
	// It may be nil.
	Before func(reason, sql string)

	former map[string][]string // by type as SQL: the previous names of an enum's labels
}

// Relation returns the target of a source table's shape; see Relations.
func (c *Catalog) Relation(ctx context.Context, conn *pgconn.PgConn, t *capture.Table) (*Relation, error) {
	all, err := c.Relations(ctx, conn, []*capture.Table{t})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Relations returns the targets of shapes of source tables, in that order, within the transaction that is open on conn. It
// creates missing targets in that transaction, so a Relation is valid only once the transaction has committed: discard it after
// a rollback. The caller writes the rows of an older shape of a table first, so no two shapes belong to the same table. A
// *capture.Problem contains the SQL that an operator has to run, an *Apart the statements to run outside the transaction. Roll
// back after any error: Relations may have altered the target. The number of round trips does not grow with the number of
// tables, unless tables were renamed or share a target.
func (c *Catalog) Relations(ctx context.Context, conn *pgconn.PgConn, tables []*capture.Table) ([]*Relation, error) {
	if err := c.Prepare(ctx, conn); err != nil {
		return nil, err
	}
	var all []*Relation
	for len(all) < len(tables) {
		several, err := c.together(ctx, conn, tables[len(all):])
		if err != nil {
			return nil, err
		}
		all = append(all, several...)
	}
	return all, nil
}

// together returns the targets of the first tables, at least one, up to a table that depends on a change made for a previous
// one.
func (c *Catalog) together(ctx context.Context, conn *pgconn.PgConn, tables []*capture.Table) ([]*Relation, error) {
	tables = c.apart(tables)
	plans, err := c.planAll(ctx, conn, tables)
	if err != nil {
		return nil, err
	}
	if err := c.carryOut(ctx, conn, plans); err != nil {
		return nil, err
	}
	return c.finish(ctx, conn, plans)
}

// apart returns the longest prefix of tables whose targets are distinct.
func (c *Catalog) apart(tables []*capture.Table) []*capture.Table {
	seen := map[place]bool{}
	for i, t := range tables {
		p := place{c.home(t), t.Name}
		if seen[p] {
			return tables[:i]
		}
		seen[p] = true
	}
	return tables
}

// planAll plans tables, up to the first one whose plan invalidates the facts.
func (c *Catalog) planAll(ctx context.Context, conn *pgconn.PgConn, tables []*capture.Table) ([]*planned, error) {
	f, err := c.read(ctx, conn, tables)
	if err != nil {
		return nil, err
	}
	later, moved := c.laterNames(f, tables)
	if moved {
		if f, err = c.read(ctx, conn, later); err != nil {
			return nil, err
		}
	}
	var plans []*planned
	for i, t := range later {
		p, err := c.plan(ctx, conn, f, t, c.registered(f, t))
		if err != nil {
			return nil, fmt.Errorf("plan the target of %s: %w", t, err)
		}
		if p.source = tables[i]; t != tables[i] {
			p.notes = append(p.notes, fmt.Sprintf("rows from before %s was renamed are written to %s", tables[i], p.target))
		}
		if plans = append(plans, p); f.stale {
			break
		}
	}
	return plans, nil
}

// home returns the schema of a table's target.
func (c *Catalog) home(t *capture.Table) string {
	if c.Schema != "" {
		return c.Schema
	}
	return t.Schema
}

// carryOut carries out the plans, or returns the error that tells what has to be done first. Afterwards the plans describe the
// altered target.
func (c *Catalog) carryOut(ctx context.Context, conn *pgconn.PgConn, plans []*planned) error {
	var needy []*planned
	var tables []*capture.Table
	for _, p := range plans {
		if problem := p.problem(c.AddColumns); problem != nil {
			return problem
		}
		if len(p.aparts) > 0 {
			a := &Apart{}
			for _, s := range p.aparts {
				a.Statements = append(a.Statements, s.sql)
			}
			return a
		}
		if !p.empty() || len(p.steps) > 0 {
			needy, tables = append(needy, p), append(tables, p.table)
		}
	}
	if len(needy) == 0 {
		return nil
	}
	if err := runAll(ctx, conn, needy, c.Before); err != nil {
		return err
	}
	f, err := c.read(ctx, conn, tables)
	if err != nil {
		return err
	}
	for _, p := range needy {
		if err := c.replan(ctx, conn, f, p); err != nil {
			return err
		}
	}
	return nil
}

// replan plans a table whose plan was carried out. It fails if anything is left to do. What was carried out is rolled back then, and
// is a part of the fix: the rest refers to it.
func (c *Catalog) replan(ctx context.Context, conn *pgconn.PgConn, f *facts, p *planned) error {
	made, notes, source := p.found == nil, p.notes, p.source
	done, err := c.plan(ctx, conn, f, p.table, registered{here: p.was, made: made})
	if err != nil {
		return fmt.Errorf("plan the target of %s: %w", p.table, err)
	}
	if !done.empty() {
		done.moves = slices.Concat(p.moves, p.steps, done.moves)
		if problem := done.problem(false); problem != nil {
			return problem
		}
		return fmt.Errorf("make target of %s: still to do: %+v", p.table, done.steps)
	}
	*p = *done
	p.made, p.notes, p.source = made, notes, source
	return nil
}

// planned is a table with the changes that its target needs.
type planned struct {
	*changes
	types      *types
	source     *capture.Table   // as it came; table differs from it in its name when the target was renamed ahead of it
	found      *found           // nil: the target does not exist yet
	made       bool             // this transaction created it
	was        *entry           // the recorded shapes of both; nil: none
	deferrable bool             // the key may be checked at the end of a transaction, as in the source
	repairs    bool             // Catalog.Repairs
	views      map[int16][]view // views of the target that use a column, by its number
	alike      map[int16]bool   // target columns, by number, whose values equal those of the source column with the same name
}

// plan determines the changes that a target needs.
func (c *Catalog) plan(ctx context.Context, conn *pgconn.PgConn, f *facts, t *capture.Table, r registered) (*planned, error) {
	schema := c.home(t)
	p := &planned{
		was:   cmp.Or(r.here, r.other), // the latter where the target was renamed as its source was
		made:  r.made,
		found: f.found[place{schema, t.Name}], alike: map[int16]bool{}, deferrable: !c.Upserts && t.Exchanges(t.Key), repairs: c.Repairs,
		changes: &changes{table: t, target: quote(schema, t.Name), schemas: f.schemas},
	}
	p.was.take(t)
	if err := c.sameTable(ctx, conn, f, r, p.changes, p.found, schema); err != nil || len(p.refusals) > 0 {
		return p, err
	}
	p.types = c.typesIn(f, t, p.changes)
	if p.found == nil {
		p.needSchema(schema)
		p.create()
		return p, nil
	}
	if p.found.Kind != "r" && p.found.Kind != "p" {
		p.refusal("table_unusable", p.target+" is not a table", "-- rename what is there, or give the sink another schema")
		return p, nil
	}
	if err := p.compareLeftovers(ctx, conn); err != nil {
		return nil, err
	}
	if err := p.findViews(ctx, conn); err != nil {
		return nil, err
	}
	d := drift{planned: p, before: p.was, adds: c.AddColumns, upserts: c.Upserts}
	if err := d.tryCasts(ctx, conn); err != nil {
		return nil, err
	}
	d.compare()
	return p, nil
}

// finish records the shapes of the source tables and of their targets, and returns the relations.
func (c *Catalog) finish(ctx context.Context, conn *pgconn.PgConn, plans []*planned) ([]*Relation, error) {
	var all []*Relation
	var entries []entry
	for _, p := range plans {
		t, schema := p.table, c.home(p.table)
		r := &Relation{OID: p.found.OID, Schema: schema, Name: t.Name, Key: t.Key, Empty: p.made, Notes: p.notes}
		columns := []known{}
		for i := range t.Columns {
			column := &t.Columns[i]
			f := p.column(column)
			stored := f.Column
			stored.Place = f.Number
			r.Columns = append(r.Columns, stored)
			columns = append(columns, p.known(column, f))
		}
		columns = append(columns, p.computed(columns)...)
		all = append(all, r)
		entries = append(entries, entry{
			Schema: schema, Table: t.Name, SourceSchema: p.source.Schema, Source: p.source.Name, OID: t.OID, Columns: append(columns, p.rest(p.was, columns)...),
		})
	}
	if err := c.enterTypes(ctx, conn, plans); err != nil {
		return nil, err
	}
	return all, c.enter(ctx, conn, entries)
}
