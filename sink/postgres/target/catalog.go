package target

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// Catalog finds and makes relations. One goroutine at a time, on one connection whose search_path is empty.
type Catalog struct {
	// Pipeline and Sink are whose tables these are.
	Pipeline, Sink string
	// Schema is where all tables and types land; "" keeps each in the schema of its source.
	Schema string
	// AddColumns lets Relation add what the source has and the target lacks. Else that is a *capture.Problem.
	AddColumns bool
	// Upserts says that rows are inserted with ON CONFLICT: the key has an index that holds at every moment, also where the
	// source's does not.
	Upserts bool
	// FilledLater says that the caller brings the values of older rows: a column that is missing is added, whatever they are.
	FilledLater bool
	// Before is told each statement that makes or alters something, before it runs, and why it alters what is there; nil: nothing is told.
	Before func(reason, sql string)
}

// Relation returns the target of a source table's shape, within the transaction that is open on conn. What is absent is
// created there, so a Relation is good only once that transaction has committed: forget it after a rollback. Rows of an
// older shape of the table have to be written before. An error that is a *capture.Problem says what a person has to do,
// with the SQL; an *Apart what has to be done outside. It may have altered the target: roll back after any error.
func (c *Catalog) Relation(ctx context.Context, conn *pgconn.PgConn, t *capture.Table) (*Relation, error) {
	if err := c.Prepare(ctx, conn); err != nil {
		return nil, err
	}
	schema := c.home(t)
	r, err := c.registered(ctx, conn, schema, t)
	if err != nil {
		return nil, err
	}
	p, err := c.plan(ctx, conn, schema, t, r)
	if err != nil {
		return nil, err
	}
	if r.here == nil { // the target was renamed as its source was
		r.here = r.other
	}
	made := p.found == nil
	notes := p.notes
	if !p.empty() || len(p.steps) > 0 {
		if err := c.settle(ctx, conn, p.changes); err != nil {
			return nil, err
		}
		notes = p.notes
		if p, err = c.plan(ctx, conn, schema, t, registered{here: r.here}); err != nil {
			return nil, err
		}
		if !p.empty() {
			if problem := p.problem(false); problem != nil {
				return nil, problem
			}
			return nil, fmt.Errorf("make target of %s: still to do: %+v", t, p.steps)
		}
	}
	return c.finish(ctx, conn, p, r.here, made, notes)
}

// home is the schema that a table goes to.
func (c *Catalog) home(t *capture.Table) string {
	if c.Schema != "" {
		return c.Schema
	}
	return t.Schema
}

// settle does what can be done here, or says who has to do what.
func (c *Catalog) settle(ctx context.Context, conn *pgconn.PgConn, ch *changes) error {
	if p := ch.problem(c.AddColumns); p != nil {
		return p
	}
	if len(ch.aparts) > 0 {
		a := &Apart{}
		for _, s := range ch.aparts {
			a.Statements = append(a.Statements, s.sql)
		}
		return a
	}
	return ch.run(ctx, conn, c.Before)
}

// planned is a table with what it needs.
type planned struct {
	*changes
	types *types
	found *found           // nil: it is not there yet
	was   *entry           // what both looked like last; nil: never
	late  bool             // the key may be checked at the end of a transaction, as in the source
	views map[int16][]view // of the target that use a column, by its number
	alike map[int16]bool   // columns of the target, by number, that hold what the source gave to the rows of a column it added
}

// plan says what a target needs.
func (c *Catalog) plan(ctx context.Context, conn *pgconn.PgConn, schema string, t *capture.Table, r registered) (*planned, error) {
	p := &planned{was: cmp.Or(r.here, r.other), alike: map[int16]bool{}, late: !c.Upserts && t.Exchanges(t.Key), changes: &changes{table: t, target: quote(schema, t.Name), schemas: map[string]bool{}}}
	var err error
	if p.found, err = find(ctx, conn, schema, t.Name); err != nil {
		return nil, err
	}
	if err := ask(ctx, conn, &p.schemas, `SELECT pg_catalog.json_object_agg(n.nspname, true) FROM pg_catalog.pg_namespace n`); err != nil {
		return nil, fmt.Errorf("read schemas: %w", err)
	}
	if err := c.sameTable(ctx, conn, r, p.changes, p.found, schema); err != nil || len(p.refusals) > 0 {
		return p, err
	}
	if p.types, err = c.lookup(ctx, conn, t, p.changes); err != nil {
		return nil, err
	}
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
	d := drift{planned: p, before: p.was, adds: c.AddColumns, upserts: c.Upserts, filledLater: c.FilledLater}
	d.compare()
	return p, nil
}

// finish notes what the shape and its target look like, and returns the relation.
func (c *Catalog) finish(ctx context.Context, conn *pgconn.PgConn, p *planned, before *entry, made bool, notes []string) (*Relation, error) {
	t, schema := p.table, c.home(p.table)
	r := &Relation{OID: p.found.OID, Schema: schema, Name: t.Name, Key: t.Key, Empty: made, Notes: notes}
	columns := []known{}
	for i := range t.Columns {
		column := &t.Columns[i]
		f := p.column(column)
		r.Columns = append(r.Columns, f.Column)
		k := known{Number: column.Number, Name: column.Name, Type: p.types.sql(column.Type, column.Modifier), Target: f.Full, Place: f.Number}
		if was := before.source(column); k.Number == 0 && was != nil && was.Place == f.Number {
			k.Number = was.Number
		}
		columns = append(columns, k)
	}
	columns = append(columns, p.rest(before, columns)...)
	ours, err := c.enter(ctx, conn, schema, t, columns)
	if err != nil {
		return nil, err
	}
	if !ours {
		return nil, &capture.Problem{
			State: "target_changing", Reason: fmt.Sprintf("another sink has just taken %s", p.target),
		}
	}
	return r, nil
}
