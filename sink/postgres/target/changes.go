package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// changes are the changes that a target needs before it can store the rows of a shape.
type changes struct {
	table    *capture.Table
	target   string // the table as SQL
	unknown  bool   // they include a column whose older values the stream does not carry
	schemas  map[string]bool
	moves    []step // renames of columns, which run before the other steps
	steps    []step
	aparts   []step
	manual   []step
	refusals []*capture.Problem
	notes    []string
}

// step is one statement.
type step struct {
	sql      string
	reason   string // why it changes an existing object; "": it creates an object
	manual   bool   // an operator has to approve it
	part     bool   // it alters a label or an attribute, which the default of an added column may contain
	optional bool   // the object is not required: when the target rejects it, it is left out
}

// do adds a step that creates an object.
func (c *changes) do(sql string) {
	if !slices.ContainsFunc(c.steps, func(s step) bool { return s.sql == sql }) { // two types may share a part
		c.steps = append(c.steps, step{sql: sql})
	}
}

// try adds a step that creates an optional object.
func (c *changes) try(sql string) { c.steps = append(c.steps, step{sql: sql, optional: true}) }

// add adds a step that changes an existing object safely. AddColumns permits it.
func (c *changes) add(reason, sql string) { c.steps = append(c.steps, step{sql: sql, reason: reason}) }

// apart adds a step like add does, for a statement that has to be committed before its result can be used.
func (c *changes) apart(reason, sql string) {
	c.aparts = append(c.aparts, step{sql: sql, reason: reason, part: true})
}

// addManual adds a change that an operator has to approve.
func (c *changes) addManual(reason, sql string) {
	if !slices.ContainsFunc(c.manual, func(s step) bool { return s.reason == reason }) {
		c.manual = append(c.manual, step{sql: sql, reason: reason, manual: true})
	}
}

// refusal adds the reason why the table cannot be used as it is.
func (c *changes) refusal(state, reason, fix string) {
	c.refusals = append(c.refusals, &capture.Problem{State: state, Halted: true, Usage: true, Reason: reason, Fix: fix})
}

func (c *changes) addNote(s string) { c.notes = append(c.notes, s) }

// needSchema creates a schema when it is missing.
func (c *changes) needSchema(name string) {
	if !c.schemas[name] {
		c.do("CREATE SCHEMA " + quote(name))
	}
}

// empty reports whether only optional steps are left.
func (c *changes) empty() bool {
	return len(c.moves)+len(c.aparts)+len(c.manual)+len(c.refusals) == 0 &&
		!slices.ContainsFunc(c.steps, func(s step) bool { return !s.optional })
}

// problem returns the problem that names everything that an operator has to do first, or nil when the steps can run here.
func (c *changes) problem(add bool) *capture.Problem {
	if len(c.refusals) > 0 {
		return c.joined()
	}
	var reasons, fix []string
	for _, s := range c.inOrder() {
		if s.optional {
			continue
		}
		fix = append(fix, terminated(s.sql))
		if s.reason != "" && (s.manual || !add) {
			reasons = append(reasons, s.reason)
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	p := &capture.Problem{State: "schema_changed"}
	if c.unknown {
		p = &capture.Problem{State: "backfill_unknown"}
	}
	p.Halted, p.Fix = true, strings.Join(fix, "\n")
	p.Reason = fmt.Sprintf("%s does not fit into %s: %s", c.table, c.target, strings.Join(reasons, "; "))
	return p
}

// inOrder returns all steps in the order in which an operator can run them: an added column may have a label as its default that a
// later step would add or rename.
func (c *changes) inOrder() []step {
	all := slices.Concat(c.moves, c.steps, c.aparts, c.manual)
	rank := func(s step) int {
		switch {
		case s.part:
			return 1
		case s.reason != "" || s.manual:
			return 2
		}
		return 0
	}
	slices.SortStableFunc(all[len(c.moves):], func(a, b step) int { return rank(a) - rank(b) })
	return all
}

// joined returns the first refusal, merged with all others of the same state.
func (c *changes) joined() *capture.Problem {
	first := *c.refusals[0]
	reasons, fixes := []string{first.Reason}, []string{first.Fix}
	for _, r := range c.refusals[1:] {
		if r.State == first.State && !slices.Contains(fixes, r.Fix) {
			reasons, fixes = append(reasons, r.Reason), append(fixes, r.Fix)
		}
	}
	first.Reason, first.Fix = strings.Join(reasons, "; "), strings.Join(fixes, "\n")
	return &first
}

// runAll runs the steps of all plans and calls before ahead of each. A step that several plans share, such as the creation of a
// type, runs once. Optional steps that the target rejects are recorded as notes.
func runAll(ctx context.Context, conn *pgconn.PgConn, plans []*planned, before func(reason, sql string)) error {
	done := map[string]bool{}
	var sent []pending
	for _, p := range plans {
		for _, s := range slices.Concat(p.moves, p.steps) {
			if done[s.sql] {
				continue
			}
			done[s.sql] = true
			if before != nil {
				before(s.reason, s.sql)
			}
			if !s.optional {
				sent = append(sent, pending{p.changes, s.sql})
				continue
			}
			if err := runThrough(ctx, conn, sent); err != nil {
				return err
			}
			sent = sent[:0]
			if err := p.attempt(ctx, conn, s.sql); err != nil {
				return p.failed(s.sql, err)
			}
		}
	}
	return runThrough(ctx, conn, sent)
}

// pending is a statement that a table needs.
type pending struct {
	of  *changes
	sql string
}

// runThrough runs statements in one round trip with the extended protocol, which accepts a single statement per message:
// expressions come from the source's catalog.
func runThrough(ctx context.Context, conn *pgconn.PgConn, statements []pending) error {
	if len(statements) == 0 {
		return nil
	}
	pipe := conn.StartPipeline(ctx)
	for _, s := range statements {
		pipe.SendQueryParams(s.sql, nil, nil, nil, nil)
	}
	err := pipe.Sync()
	for i := 0; i < len(statements) && err == nil; i++ {
		err = next(pipe, func(r *pgconn.ResultReader) error { _, err := r.Close(); return err })
		if err != nil {
			err = statements[i].of.failed(statements[i].sql, err)
		}
	}
	if closed := pipe.Close(); err == nil {
		err = closed
	}
	return err
}

// attempt runs a statement and rolls it back to a savepoint when it fails.
func (c *changes) attempt(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	if err := exec(ctx, conn, "SAVEPOINT tailrace_attempt"); err != nil {
		return err
	}
	err := exec(ctx, conn, sql)
	if sqlstate(err) == "" {
		if err == nil {
			err = exec(ctx, conn, "RELEASE SAVEPOINT tailrace_attempt")
		}
		return err
	}
	c.addNote(fmt.Sprintf("left out: %s: %v", sql, err))
	return exec(ctx, conn, "ROLLBACK TO SAVEPOINT tailrace_attempt")
}

// failed wraps the error of a statement. It returns a *capture.Problem if the SQLSTATE has a named state.
func (c *changes) failed(sql string, err error) error {
	switch sqlstate(err) {
	case pgconnect.InsufficientPrivilege:
		var all []string
		for _, s := range slices.Concat(c.moves, c.steps) {
			all = append(all, terminated(s.sql))
		}
		return &capture.Problem{
			State: "target_denied", Halted: true, Usage: true, Err: err,
			Reason: "the role may not make or alter what " + c.table.String() + " needs in the target",
			Fix:    "-- GRANT CREATE on the schema or the database, or ownership of the table, or as an administrator:\n" + strings.Join(all, "\n"),
		}
	case pgconnect.OutOfMemory:
		return &capture.Problem{
			State: "locks_exhausted", Halted: true, Usage: true, Err: err,
			Reason: "the target's server has no shared memory left for the locks of the tables that one transaction creates; it failed at " + c.table.String(),
			Fix: "ALTER SYSTEM SET max_locks_per_transaction = 1024; -- then restart the target's server; about four locks per table are needed,\n" +
				"-- and there are max_locks_per_transaction times max_connections",
		}
	case pgconnect.FeatureNotSupported, pgconnect.InvalidTableDefinition:
		return &capture.Problem{
			State: "schema_changed", Halted: true, Err: err,
			Reason: fmt.Sprintf("%s does not fit into %s, and the target does not take %s: %v", c.table, c.target, sql, err),
			Fix:    "-- in one transaction, after what uses the column was dropped, and before it is made again:\n" + terminated(sql),
		}
	case pgconnect.DuplicateSchema, pgconnect.DuplicateTable, pgconnect.DuplicateObject, pgconnect.UniqueViolation, pgconnect.DeadlockDetected, pgconnect.LockNotAvailable, pgconnect.InternalError:
		return &capture.Problem{
			State: "target_changing", Err: err,
			Reason: "another session creates or uses what " + c.table.String() + " needs in the target: " + sql,
		}
	}
	return fmt.Errorf("make target of %s: %s: %w", c.table, sql, err)
}

// terminated appends a semicolon to a statement that does not have one. A comment at the end is left alone: a command in it would not be
// recognized with a semicolon.
func terminated(sql string) string {
	last := sql[strings.LastIndexByte(sql, '\n')+1:]
	if strings.HasSuffix(sql, ";") || strings.Contains(last, "; --") || strings.HasPrefix(last, "--") {
		return sql
	}
	return sql + ";"
}
