package postgres

import (
	"cmp"
	"context"
	"errors"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// trySerial is one attempt to write a transaction change by change.
func (a *applier) trySerial(ctx context.Context, g *queue.Group) error {
	return a.applyInTx(ctx, g, func() error { return a.serial(ctx, g.Changes) })
}

// serial applies changes one by one in the source's order, in the open transaction, so that a failure is a conflict of one
// change.
func (a *applier) serial(ctx context.Context, changes []*capture.Change) error {
	for len(changes) > 0 {
		n, err := a.applyNext(ctx, changes)
		if err != nil {
			return err
		}
		changes = changes[n:]
	}
	return nil
}

// applyNext applies the changes of the first statement and returns their number.
func (a *applier) applyNext(ctx context.Context, changes []*capture.Change) (int, error) {
	n := statementChanges(changes)
	for _, c := range changes[:n] {
		if _, err := a.plan(ctx, c); err != nil {
			return n, err
		}
	}
	if dml.Rowless(changes[0]) {
		return n, nil
	}
	return n, a.applyWithPolicy(ctx, changes[:n])
}

// applyWithPolicy applies the changes of one statement, and handles a conflict by the policy.
func (a *applier) applyWithPolicy(ctx context.Context, changes []*capture.Change) error {
	if a.options.OnConflict == Halt {
		return a.applyStatement(ctx, changes)
	}
	if a.options.OnConflict == Park {
		if waits, err := a.parkFollowing(ctx, changes[0]); waits || err != nil {
			return err
		}
	}
	err := a.inSavepoint(ctx, func() error { return a.applyStatement(ctx, changes) })
	var c *conflict
	if !errors.As(err, &c) {
		return err
	}
	if cause := a.driftCause(c); cause != nil {
		return cause // the table has to be altered; no row is in the way
	}
	if a.options.OnConflict == Park {
		return a.parkAll(ctx, changes, c)
	}
	return a.overwrite(ctx, c)
}

// inSavepoint calls f in a savepoint. A conflict rolls back to it, and the transaction continues.
func (a *applier) inSavepoint(ctx context.Context, f func() error) error {
	if err := a.db.Run(ctx, "SAVEPOINT change"); err != nil {
		return named("set savepoint", err)
	}
	end := "RELEASE SAVEPOINT change"
	failed := f()
	if failed != nil {
		var c *conflict
		if !errors.As(failed, &c) {
			return failed // the caller rolls the transaction back
		}
		end = "ROLLBACK TO SAVEPOINT change; " + end
	}
	if err := a.db.Run(ctx, end); err != nil {
		return named("end savepoint", err)
	}
	return failed
}

// overwrite applies a change by overwriting or deleting the rows of the target that conflict with it. A conflict that remains is
// not with rows, and halts the sink.
func (a *applier) overwrite(ctx context.Context, c *conflict) error {
	for range 20 { // more unique keys than a table has
		next, err := a.resolveConflict(ctx, c)
		if next == nil || err != nil {
			return err
		}
		err = a.inSavepoint(ctx, next)
		if !errors.As(err, &c) {
			return err
		}
	}
	return c
}

// resolveConflict deletes rows that conflict with a change, and returns how to apply it then; nil when nothing is left to do.
func (a *applier) resolveConflict(ctx context.Context, c *conflict) (func() error, error) {
	p, change := c.plan, c.change
	switch {
	case p == nil || change.Op == capture.Truncate || c.err != nil && c.err.Code != pgconnect.UniqueViolation || c.rows > 1:
		return nil, c
	case c.err == nil:
		return func() error { return a.applyUnconditionally(ctx, p, change) }, nil
	}
	columns, err := a.uniqueColumns(ctx, c)
	if err != nil {
		return nil, err
	}
	if p.Table.Exchanges(columns) && p.OnConflict == "" {
		if err := a.readConstraintKind(ctx, c); err != nil || c.kind != "deferrable" {
			return nil, cmp.Or(err, error(c)) // the other row may be changed later in the transaction
		}
	}
	if dml.IsInsert(change) && subset(columns, p.Key) {
		over := &capture.Change{Tx: change.Tx, Seq: change.Seq, Op: capture.Update, Table: change.Table, After: change.After}
		return func() error { return a.applyUnconditionally(ctx, p, over) }, nil
	}
	if err := a.deleteConflicting(ctx, c, columns); err != nil {
		return nil, err
	}
	if dml.IsInsert(change) {
		return func() error { return a.applyStatement(ctx, []*capture.Change{change}) }, nil
	}
	return func() error { return a.applyUnconditionally(ctx, p, change) }, nil
}

// applyUnconditionally applies an update or a delete without comparing the old row. An update of a row that does not exist
// inserts it, where the complete row is known.
func (a *applier) applyUnconditionally(ctx context.Context, p *dml.Plan, c *capture.Change) error {
	if len(p.Key) == 0 { // no row equals the old one, and there is no key to find another
		if c.Op == capture.Update && dml.Complete(c.After) {
			return a.insertInstead(ctx, p, c)
		}
		return nil
	}
	u := p.Usage(nil, dml.OldRow(c), c.Before, c.After, false)
	st := p.Delete(u)
	if c.Op == capture.Update {
		st = p.Update(u)
	}
	n, err := a.db.Exec(ctx, st, p.Params(nil, u, dml.OldRow(c), c.After))
	if err != nil {
		return classify(p, c, n, err)
	}
	if n == 0 && c.Op == capture.Update && dml.Complete(c.After) {
		return a.insertInstead(ctx, p, c)
	}
	if n > 1 && p.Deferrable { // it is unknown which of them is meant
		return classify(p, c, n, nil)
	}
	return nil
}

func (a *applier) insertInstead(ctx context.Context, p *dml.Plan, c *capture.Change) error {
	row := &capture.Change{Tx: c.Tx, Seq: c.Seq, Op: capture.Insert, Table: c.Table, After: c.After}
	n, err := a.db.Exec(ctx, p.Insert, p.InsertParams(nil, row.After))
	return classify(p, row, n, err)
}

// deleteConflicting deletes the row that has the same values in the columns of a unique index.
func (a *applier) deleteConflicting(ctx context.Context, c *conflict, columns []int) error {
	p := c.plan
	sql := "DELETE FROM " + p.Name + " t WHERE true"
	var params [][]byte
	for _, i := range columns {
		params = append(params, dml.Param(c.change.After[i]))
		sql += " AND " + p.Equals(i, len(params))
	}
	err := a.inSavepoint(ctx, func() error {
		r := a.db.PG.ExecParams(ctx, sql, params, nil, nil, nil).Read()
		return classify(p, c.change, 1, r.Err)
	})
	return err
}

func subset(list, of []int) bool {
	for _, i := range list {
		found := false
		for _, k := range of {
			found = found || i == k
		}
		if !found {
			return false
		}
	}
	return len(list) > 0
}
