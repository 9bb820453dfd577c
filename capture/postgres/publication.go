package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// everything is what a publication of ours publishes.
var everything = []string{"insert", "update", "delete", "truncate"}

// publication makes the publication what the file says, in one transaction, and reads what is published. p is what
// preflight found just before. With manage = false it reads only.
func (c *Config) publication(ctx context.Context, conn *pgx.Conn, p *plan) (*published, error) {
	pub := &published{}
	if c.Manage {
		var steps []string
		steps, pub = c.steps(p)
		if err := c.alter(ctx, conn, p, steps); err != nil {
			return nil, err
		}
	}
	if err := c.look(ctx, conn, pub); err != nil {
		return nil, err
	}
	if c.Manage && !pub.Edition.holds(p.targets) {
		return nil, c.publicationChanging(nil) // what is missing now would pass for what the file does not want
	}
	return pub, nil
}

// publicationChanging is that somebody alters it at the moment at which we look at it.
func (c *Config) publicationChanging(err error) *capture.Problem {
	return &capture.Problem{
		State: "publication_changing", Err: err,
		Reason: fmt.Sprintf("another process changes publication %s right now", c.Publication),
	}
}

// look reads what is published now. The mark comes first: what changes afterwards changes it.
func (c *Config) look(ctx context.Context, conn *pgx.Conn, pub *published) (err error) {
	if pub.Mark, err = c.mark(ctx, conn); err != nil {
		return err
	}
	d, err := c.define(ctx, conn)
	if err != nil {
		return err
	}
	if d == nil {
		return c.publicationMissing(nil)
	}
	pub.Edition, pub.Note = d.edition(), d.Note
	pub.Tables, err = c.tables(ctx, conn)
	if !c.Manage { // else the file says which columns, and whatever differs from it is altered
		pub.Edition.carried = carriedBy(pub.Tables)
	}
	return err
}

// steps is the shortest way from what is published to what should be, with what it changes. It runs nothing.
func (c *Config) steps(p *plan) ([]string, *published) {
	pub := &published{}
	if p.actual == nil {
		pub.Created = true
		for _, t := range p.targets {
			pub.Added = append(pub.Added, t.String())
		}
		return []string{"CREATE PUBLICATION " + ident(c.Publication) + " FOR TABLE " + list(p.targets) +
			" WITH (" + options(p.Major) + ")"}, pub
	}
	add, drop := p.difference(pub)
	alter := "ALTER PUBLICATION " + ident(c.Publication)
	var steps []string
	if len(p.actual.Schemas) > 0 {
		var quoted []string
		for _, s := range p.actual.Schemas {
			pub.Removed = append(pub.Removed, s.Schema+".*")
			quoted = append(quoted, ident(s.Schema))
		}
		steps = append(steps, alter+" DROP TABLES IN SCHEMA "+strings.Join(quoted, ", "))
	}
	if len(drop) > 0 {
		steps = append(steps, alter+" DROP TABLE "+strings.Join(drop, ", "))
	}
	if len(add) > 0 {
		steps = append(steps, alter+" ADD TABLE "+list(add))
	}
	if !slices.Equal(p.actual.Publish, everything) || !p.actual.ViaRoot || p.actual.Stored != (p.Major >= 18) {
		steps = append(steps, alter+" SET ("+options(p.Major)+")")
	}
	if note := p.swapped(pub); note != "" && p.actual.Note == "" {
		steps = append(steps, c.comment(strings.TrimSuffix(noteLine(note)+"\n"+p.actual.Comment, "\n")))
	}
	return steps, pub
}

// difference compares table by table. A table with another column list or filter is dropped and added in the same
// transaction: the stream sees one definition or the other, never none.
func (p *plan) difference(pub *published) (add []*target, drop []string) {
	actual := map[uint32]member{}
	for _, m := range p.actual.Tables {
		actual[m.oid] = m
	}
	for _, t := range p.targets {
		m, there := actual[t.OID]
		delete(actual, t.OID)
		switch {
		case !there:
			pub.Added = append(pub.Added, t.String())
		case p.again[t.OID] || !m.equal(t.member()):
			pub.Changed = append(pub.Changed, t.String())
			drop = append(drop, "ONLY "+t.sql())
		default:
			continue
		}
		add = append(add, t)
	}
	for _, m := range p.actual.Tables {
		if _, left := actual[m.oid]; left {
			pub.Removed = append(pub.Removed, m.Schema+"."+m.Name)
			pub.Former = append(pub.Former, m)
			drop = append(drop, "ONLY "+ident(m.Schema, m.Name))
		}
	}
	return add, drop
}

// swapped says that the publication had other tables than those that the file names: that may be a change of the file or of the
// tables' names, and only a sink's record tells. A lane without one takes it for the latter.
func (p *plan) swapped(pub *published) string {
	if len(pub.Added) == 0 || len(pub.Former) == 0 || p.Slot == nil {
		return ""
	}
	return fmt.Sprintf("it had %s, which the file does not name, and not %s", strings.Join(pub.Removed, ", "), strings.Join(pub.Added, ", "))
}

// options are what a publication of ours says beside its tables. A partition's rows go by the name of the root.
func options(major int) string {
	o := "publish = '" + strings.Join(everything, ", ") + "', publish_via_partition_root = true"
	if major >= 18 {
		o += ", publish_generated_columns = stored"
	}
	return o
}

// list is the tables as CREATE and ALTER PUBLICATION want them. ONLY leaves out tables that inherit: those are named
// by themselves. The end of a filter stands on its own line, after any comment.
func list(ts []*target) string {
	var items []string
	for _, t := range ts {
		item := "ONLY " + t.sql()
		if t.columns != nil {
			var quoted []string
			for _, n := range t.columns {
				quoted = append(quoted, ident(n))
			}
			item += " (" + strings.Join(quoted, ", ") + ")"
		}
		if t.where != "" {
			item += " WHERE (" + t.where + "\n)"
		}
		items = append(items, item)
	}
	return strings.Join(items, ", ")
}

// alter runs the steps, and takes them back when an UPDATE of the application would fail with what they make: Postgres
// itself is asked, before anybody else can see it.
func (c *Config) alter(ctx context.Context, conn *pgx.Conn, p *plan, steps []string) error {
	if len(steps) == 0 {
		return nil
	}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, s := range steps {
			if err := exec(ctx, conn, s); err != nil {
				return c.named("manage publication "+c.Publication, err)
			}
		}
		for _, t := range p.targets {
			if err := c.guard(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
	switch sqlstate(err) {
	case pgconnect.DuplicateObject, pgconnect.UniqueViolation, pgconnect.InternalError:
		return c.publicationChanging(err)
	}
	return err
}

// guard asks whether the table can still be updated: EXPLAIN makes the checks of UPDATE and DELETE and fires no
// trigger. A role that may not DELETE gets no answer.
func (c *Config) guard(ctx context.Context, tx pgx.Tx, t *target) error {
	for _, l := range t.stored() {
		err := pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error {
			return exec(ctx, savepoint.Conn(), "EXPLAIN DELETE FROM ONLY "+l.sql()+" WHERE false")
		})
		switch sqlstate(err) {
		case "":
			if err != nil {
				return c.named("check updates of "+l.String(), err)
			}
		case pgconnect.ObjectNotInPrerequisiteState, pgconnect.InvalidColumnReference:
			return &capture.Problem{
				State: "publication_breaks_updates", Halted: true, Usage: true,
				Reason: fmt.Sprintf("with %s published, UPDATE and DELETE on %s would fail; nothing was changed", t, l), Err: err,
				Fix: c.identityFix(t, &l) + "\n-- or look whether another publication of the table is the cause already",
			}
		}
	}
	return nil
}

// exec runs one statement without parameters by the extended protocol, which takes one and no more.
func exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}
