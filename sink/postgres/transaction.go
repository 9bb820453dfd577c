package postgres

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// applyInTx is one attempt to write a group with write, in a transaction that first updates the progress row. write sees the
// result of each statement before the next one.
func (a *applier) applyInTx(ctx context.Context, g *queue.Group, write func() error) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	if err := a.row.moveTo(ctx, a.db, g); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return a.commit(ctx, g.End)
}

// attempts is how often a group is tried that deadlocks, before the sink is opened again.
const attempts = 8

// retryTransient calls f until it succeeds or fails for another reason than a deadlock or a serialization failure. After an error
// the transaction is rolled back.
func (a *applier) retryTransient(ctx context.Context, f func() error) error {
	var pause capture.Backoff
	for n := 1; ; n++ {
		err := f()
		if err == nil {
			return nil
		}
		if rolled := a.rollback(ctx); rolled != nil {
			return errors.Join(err, rolled)
		}
		if !transient(err) || n >= attempts {
			return err
		}
		a.log.Info("retry a group", zap.Error(err))
		if err := capture.Sleep(ctx, pause.Next(err)/4); err != nil {
			return err
		}
	}
}

// transient reports whether the same transaction may succeed at the next attempt.
func transient(err error) bool {
	code := pgconnect.SQLState(err)
	return code == pgconnect.DeadlockDetected || code == pgconnect.SerializationFailure
}

func (a *applier) begin(ctx context.Context) error {
	for _, s := range a.beginStatements {
		if err := a.db.Run(ctx, s.SQL); err != nil {
			return named("begin", err)
		}
	}
	return nil
}

// commit commits the open transaction and reports the durable position.
func (a *applier) commit(ctx context.Context, end capture.Position) error {
	if err := a.db.Run(ctx, "COMMIT"); err != nil {
		return named("commit", a.atCommit(err))
	}
	a.committed(end)
	return nil
}

func (a *applier) committed(end capture.Position) {
	a.newTables, a.recordedAt = a.newTables[:0], time.Now()
	a.parked.added = a.parked.added[:0]
	a.row.origin = nil
	a.row.record(end)
	a.onDurable(end)
}

// rollback ends the transaction and forgets what was planned in it.
func (a *applier) rollback(ctx context.Context) error {
	a.resetEffects()
	a.forgetPlans(0)
	for _, k := range a.parked.added {
		delete(a.parked.keys, k)
	}
	a.parked.added, a.initialCopy = a.parked.added[:0], initialCopy{}
	a.midTransaction = false
	a.bulk.pipeline.Abort()
	return a.db.Rollback(ctx)
}

// forgetPlans forgets the plans of the open transaction, except the first n.
func (a *applier) forgetPlans(n int) {
	for _, t := range a.newTables[n:] {
		delete(a.plans, t)
	}
	a.newTables = a.newTables[:n]
}

// savepoint is the applier's own state at a savepoint of the open transaction.
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
