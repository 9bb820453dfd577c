package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// Constraints that are deferred are checked when a transaction ends, and the error then does not say which change is to
// blame. The transaction is written once more, change by change, and its end is looked at before it is committed: the
// changes whose rows the constraint speaks of get the conflict. What a later change mends is none.

// mostRounds are how often a transaction is written to find all changes to blame: once for each constraint, as a rule.
const mostRounds = 20

// applySerial writes a transaction that stands alone and conflicts, change by change.
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

// unattributed reports whether err is a conflict of which nobody knows the change.
func unattributed(err error) bool {
	var c *conflict
	return errors.As(err, &c) && c.change == nil
}

// tryBlaming is one attempt to write a transaction change by change, with those to blame found and settled.
func (a *applier) tryBlaming(ctx context.Context, g *queue.Group) error {
	return a.applyInTx(ctx, g, func() error { return a.applyBlaming(ctx, g.Changes) })
}

// applyBlaming writes changes until their constraints hold in the end, or what does not has no change to blame.
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
	return errors.New("the constraints of the target do not come to rest")
}

// applyRound writes all changes, and settles those to blame. why is what does not hold in the end; nil: everything does.
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

// checkDeferred looks whether deferred constraints hold now, and leaves them deferred. why: they do not.
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

// savepoint is what an applier knows of the transaction that is open, to go back to with a savepoint.
type savepoint struct {
	newTables, parked int
	initialCopy       initialCopy
}

func (a *applier) savepoint() savepoint {
	return savepoint{newTables: len(a.newTables), parked: len(a.parked.added), initialCopy: a.initialCopy.clone()}
}

func (a *applier) restore(m savepoint) {
	a.forgetPlans(m.newTables)
	for _, k := range a.parked.added[m.parked:] {
		delete(a.parked.keys, k)
	}
	a.parked.added, a.initialCopy = a.parked.added[:m.parked], m.initialCopy
}

// exchanges reports whether rows may exchange unique values within a transaction: what meets one in between is no conflict.
func exchanges(changes []*capture.Change) bool {
	return slices.ContainsFunc(changes, func(c *capture.Change) bool { return len(c.Table.Deferrable) > 0 })
}
