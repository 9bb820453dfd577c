package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// Deferred constraints are checked at the end of a transaction, and the error does not tell which change violates them. So the
// transaction is written again, change by change, and checked before COMMIT: the changes whose rows violate a constraint get the
// conflict. A violation that a later change of the transaction repairs is no conflict.

// mostRounds limits how often a transaction is written to find all changes to blame: usually once per constraint.
const mostRounds = 20

// applySerial writes a single transaction that has a conflict, change by change.
func (a *applier) applySerial(ctx context.Context, g *queue.Group) error {
	err := error(&conflict{})
	if !exchanges(g.Changes) {
		err = a.retryTransient(ctx, func() error { return a.trySerial(ctx, g) })
	}
	if unattributed(err) {
		err = a.retryTransient(ctx, func() error { return a.tryBlaming(ctx, g) })
	}
	return a.describeConflict(ctx, err)
}

// unattributed reports whether err is a conflict whose change is unknown.
func unattributed(err error) bool {
	var c *conflict
	return errors.As(err, &c) && c.change == nil
}

// tryBlaming is one attempt to write a transaction change by change that finds the changes to blame and applies the policy to them.
func (a *applier) tryBlaming(ctx context.Context, g *queue.Group) error {
	return a.applyInTx(ctx, g, func() error { return a.applyBlaming(ctx, g.Changes) })
}

// applyBlaming writes changes until all constraints hold at the end, or one is violated that no change is to blame for.
func (a *applier) applyBlaming(ctx context.Context, changes []*capture.Change) error {
	blamed := map[*capture.Change]*conflict{}
	for range mostRounds {
		if err := a.db.Run(ctx, "SAVEPOINT round; SET CONSTRAINTS ALL DEFERRED"); err != nil {
			return named("set savepoint", err)
		}
		mark := a.savepoint()
		why, err := a.applyRound(ctx, changes, blamed)
		if why == nil || err != nil {
			return err
		}
		found, err := a.findBlame(ctx, why, changes)
		if err != nil {
			return err
		}
		if err := a.db.Run(ctx, "ROLLBACK TO SAVEPOINT round; RELEASE SAVEPOINT round"); err != nil {
			return named("roll back to savepoint", err)
		}
		a.restore(mark)
		if len(found) == 0 {
			return &conflict{err: why}
		}
		if a.options.OnConflict == Halt {
			return found[0]
		}
		for _, c := range found {
			blamed[c.change] = c
		}
	}
	return errors.New("constraints of the target are still violated after many attempts")
}

// applyRound writes all changes, and applies the policy to those in blamed. why is the first violation at the end; nil when all
// constraints hold.
func (a *applier) applyRound(ctx context.Context, changes []*capture.Change, blamed map[*capture.Change]*conflict) (why *pgconn.PgError, err error) {
	for len(changes) > 0 {
		n := statementChanges(changes)
		c := blamed[changes[0]]
		switch {
		case c != nil && a.options.OnConflict == Park:
			err = a.parkBlamed(ctx, c)
		case c != nil:
			if err = a.deleteConflicting(ctx, c, c.unique); err == nil {
				n, err = a.applyNext(ctx, changes)
			}
		default:
			n, err = a.applyNext(ctx, changes)
		}
		if err != nil {
			return nil, err
		}
		changes = changes[n:]
	}
	return a.checkDeferred(ctx)
}

func (a *applier) parkBlamed(ctx context.Context, c *conflict) error {
	if _, err := a.plan(ctx, c.change); err != nil {
		return err
	}
	if waits, err := a.parkFollowing(ctx, c.change); waits || err != nil {
		return err
	}
	return a.parkAll(ctx, []*capture.Change{c.change}, c)
}

// checkDeferred checks the deferred constraints and leaves them deferred. why is the first violation, if there is one.
func (a *applier) checkDeferred(ctx context.Context) (why *pgconn.PgError, err error) {
	if err := a.db.Run(ctx, "SAVEPOINT probe"); err != nil {
		return nil, named("set savepoint", err)
	}
	end := "RELEASE SAVEPOINT probe"
	if err := a.db.Run(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		if !errors.As(err, &why) || !conflictCode(why.Code) {
			return nil, named("check constraints", err)
		}
		end = "ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe"
	}
	return why, named("end savepoint", a.db.Run(ctx, end))
}

// exchanges reports whether rows may exchange unique values within a transaction, so that a violation in between is no conflict.
func exchanges(changes []*capture.Change) bool {
	return slices.ContainsFunc(changes, func(c *capture.Change) bool { return len(c.Table.Deferrable) > 0 })
}
