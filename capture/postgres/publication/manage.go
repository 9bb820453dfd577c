package publication

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// everything lists the operations that a managed publication publishes.
var everything = []string{"insert", "update", "delete", "truncate"}

// Apply makes the publication match the file, in one transaction, and reads what is published. p is the result of
// Preflight just before. With manage = false it only reads.
func (c *Config) Apply(ctx context.Context, conn *pgx.Conn, p *Plan) (*Published, error) {
	pub := &Published{}
	if c.Manage {
		var steps []string
		steps, pub = c.steps(p)
		if err := c.alter(ctx, conn, p, steps); err != nil {
			return nil, err
		}
	}
	if err := c.read(ctx, conn, pub); err != nil {
		return nil, err
	}
	if c.Manage && !pub.Fingerprint.holds(p.targets) {
		return nil, c.Changing(nil) // a table that is missing now would look like one that the file excludes
	}
	return pub, nil
}

// Changing is the problem of a publication that another session alters while we read it.
func (c *Config) Changing(err error) *capture.Problem {
	return &capture.Problem{
		State: "publication_changing", Err: err,
		Reason: fmt.Sprintf("another session is changing publication %s", c.Name),
	}
}

// Read reads what is published now.
func (c *Config) Read(ctx context.Context, conn *pgx.Conn) (*Published, error) {
	pub := &Published{}
	return pub, c.read(ctx, conn, pub)
}

// read completes pub with what is published now. It reads the hash first, so that a later change has another hash.
func (c *Config) read(ctx context.Context, conn *pgx.Conn, pub *Published) (err error) {
	if pub.Hash, err = c.hash(ctx, conn); err != nil {
		return err
	}
	d, err := c.define(ctx, conn)
	if err != nil {
		return err
	}
	if d == nil {
		return c.Missing(nil)
	}
	pub.Fingerprint, pub.Verdict = d.fingerprint(), d.Verdict
	pub.Baselines, pub.baselines = parseBaselines(d.Baselines), d.Baselines
	pub.Tables, err = c.ReadTables(ctx, conn)
	if !c.Manage { // else the file defines the columns, and any difference is an alteration
		pub.Fingerprint.carried = carriedBy(pub.Tables)
	}
	return err
}

// steps returns the shortest way from what is published to what should be, and its changes. It executes nothing.
func (c *Config) steps(p *Plan) ([]string, *Published) {
	pub := &Published{}
	if p.actual == nil {
		pub.Created = true
		for _, t := range p.targets {
			pub.Added = append(pub.Added, t.String())
		}
		create := "CREATE PUBLICATION " + pgconnect.Ident(c.Name)
		if len(p.targets) > 0 { // the stream carries logical messages with any publication
			create += " FOR TABLE " + list(p.targets)
		}
		steps := []string{create + " WITH (" + options(p.Major) + ")"}
		if b := p.baselines(c); b != "" {
			steps = append(steps, c.CommentStatement(Comment{Baselines: b}.String()))
		}
		return steps, pub
	}
	add, drop := p.difference(pub)
	alter := "ALTER PUBLICATION " + pgconnect.Ident(c.Name)
	var steps []string
	if len(p.actual.Schemas) > 0 {
		var quoted []string
		for _, s := range p.actual.Schemas {
			pub.Removed = append(pub.Removed, s.Schema+".*")
			quoted = append(quoted, pgconnect.Ident(s.Schema))
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
	comment := Comment{Verdict: p.actual.Verdict, Rest: p.actual.Comment, Baselines: p.baselines(c)}
	if comment.Verdict == "" {
		comment.Verdict = p.swapped(pub)
	}
	if comment.Verdict != p.actual.Verdict || comment.Baselines != p.actual.Baselines {
		steps = append(steps, c.CommentStatement(comment.String()))
	}
	return steps, pub
}

// difference compares table by table. A table with another column list or filter is dropped and added in the same
// transaction: the stream sees one definition or the other, never none.
func (p *Plan) difference(pub *Published) (add []*target, drop []string) {
	actual := map[uint32]Member{}
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
			drop = append(drop, "ONLY "+pgconnect.Ident(m.Schema, m.Name))
		}
	}
	return add, drop
}

// swapped describes how the publication had other tables than the file names. Either the file or the tables' names have
// changed, and only a sink's record distinguishes the two. A lane without a record assumes the latter.
func (p *Plan) swapped(pub *Published) string {
	if len(pub.Added) == 0 || len(pub.Former) == 0 || p.Slot == nil {
		return ""
	}
	return fmt.Sprintf("it had %s, which the file does not name, and not %s", strings.Join(pub.Removed, ", "), strings.Join(pub.Added, ", "))
}

// options returns the options of a managed publication. The rows of a partition are published under the name of the root.
func options(major int) string {
	o := "publish = '" + strings.Join(everything, ", ") + "', publish_via_partition_root = true"
	if major >= 18 {
		o += ", publish_generated_columns = stored"
	}
	return o
}

// list returns the tables as CREATE and ALTER PUBLICATION expect them. ONLY excludes tables that inherit: those are named
// individually. The end of a filter stands on its own line, after any comment.
func list(ts []*target) string {
	var items []string
	for _, t := range ts {
		item := "ONLY " + t.sql()
		if t.listed() != nil {
			var quoted []string
			for _, n := range t.listed() {
				quoted = append(quoted, pgconnect.Ident(n))
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

// alter executes the steps, and rolls them back when an UPDATE of the application would fail afterwards: it asks Postgres
// itself, before any other session can see the change.
func (c *Config) alter(ctx context.Context, conn *pgx.Conn, p *Plan, steps []string) error {
	if len(steps) == 0 {
		return nil
	}
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, s := range steps {
			if err := pgconnect.Exec(ctx, conn, s); err != nil {
				return problem.Named("manage publication "+c.Name, err)
			}
		}
		for _, t := range p.targets {
			if err := c.guard(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
	switch pgconnect.SQLState(err) {
	case pgconnect.DuplicateObject, pgconnect.UniqueViolation, pgconnect.InternalError:
		return c.Changing(err)
	}
	return err
}

// guard checks that the table can still be updated: EXPLAIN performs the checks of UPDATE and DELETE and fires no trigger.
// For a role without the DELETE privilege the result is unknown.
func (c *Config) guard(ctx context.Context, tx pgx.Tx, t *target) error {
	for _, l := range t.stored() {
		err := pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error {
			return pgconnect.Exec(ctx, savepoint.Conn(), "EXPLAIN DELETE FROM ONLY "+l.sql()+" WHERE false")
		})
		switch pgconnect.SQLState(err) {
		case "":
			if err != nil {
				return problem.Named("check updates of "+l.String(), err)
			}
		case pgconnect.ObjectNotInPrerequisiteState, pgconnect.InvalidColumnReference:
			return &capture.Problem{
				State: "publication_breaks_updates", Halted: true, Usage: true,
				Reason: fmt.Sprintf("with %s published, UPDATE and DELETE on %s would fail; nothing was changed", t, l), Err: err,
				Fix: c.identityFix(t, &l) + "\n-- or check whether another publication of the table is already the cause",
			}
		}
	}
	return nil
}

// Drop drops a managed publication; with dry it only reads. It returns a line that names the publication, which begins
// with "left: " when it is not ours; "": there is none.
func (c *Config) Drop(ctx context.Context, conn *pgx.Conn, dry bool) (line string, err error) {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil {
		return "", err
	}
	line = "publication " + c.Name
	if !c.Manage || d.All {
		return "left: " + line + ", which is not ours", nil
	}
	if !dry {
		if err := pgconnect.Exec(ctx, conn, "DROP PUBLICATION IF EXISTS "+pgconnect.Ident(c.Name)); err != nil {
			return "", problem.Named("drop publication "+c.Name, err)
		}
	}
	return line, nil
}
