package postgres

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// applier applies groups on its connection, in the worker's goroutine.
type applier struct {
	options         *Options
	sink            *Sink
	log             *zap.Logger
	db              *dml.Conn
	row             *progress
	onDurable       func(capture.Position)
	bulk            bulk
	health          healthCheck
	beginStatements []*dml.Statement // statements that begin a transaction
	catalog         target.Catalog
	plans           map[*capture.Table]*dml.Plan
	newTables       []*capture.Table // planned in the open transaction; forgotten when it is rolled back
	earlierShapes   []*capture.Table // earlier shapes, in that transaction, of a table whose next shape does not fit the target
	midTransaction  bool             // the open transaction has pieces of a source transaction
	initialCopy     initialCopy
	parked          parked
	prefetch        prefetch
	recordedAt      time.Time // when the position was last written
}

func newApplier(s *Sink, db *dml.Conn, row *progress, held func(capture.Position)) *applier {
	a := &applier{
		options: &s.options, sink: s, log: s.log, db: db, row: row, onDurable: held, plans: map[*capture.Table]*dml.Plan{},
		catalog: s.catalog(), beginStatements: []*dml.Statement{{SQL: "BEGIN"}},
	}
	if s.options.Constraints == Deferred {
		a.beginStatements = append(a.beginStatements, &dml.Statement{SQL: "SET CONSTRAINTS ALL DEFERRED"})
	}
	a.health.sink, a.health.pid = s, db.PG.PID()
	a.prefetch.effects = dml.NewEffects(s.options.KeepDeletes, 1)
	a.bulk = bulk{applier: a, pipeline: dml.Pipeline{DB: db, OnIdle: a.prefetchNext}, effects: dml.NewEffects(s.options.KeepDeletes, 0), sets: map[string]int{}, truncates: map[string]*dml.Statement{}, commit: &dml.Statement{SQL: "COMMIT"}}
	return a
}

// runWorker applies groups until the queue or a group fails. It returns a panic as an error.
func (a *applier) runWorker(ctx context.Context, q *queue.Queue) (err error) {
	defer func() {
		if r := recover(); r != nil {
			a.log.Error("panic", zap.Any("value", r), zap.ByteString("stack", debug.Stack()))
			err = capture.Panicked("a group of changes", r)
		}
	}()
	ctx, end := context.WithCancelCause(ctx)
	var health sync.WaitGroup
	defer health.Wait()
	defer end(nil)
	health.Go(func() { a.health.run(ctx, end) })
	err = a.handleDrift(ctx, a.run(ctx, q))
	if p := capture.AsProblem(context.Cause(ctx)); p != nil {
		return p
	}
	if c := (*conflict)(nil); errors.As(err, &c) {
		return c.problem()
	}
	if ctx.Err() == nil && a.db.PG.IsClosed() {
		err = a.sink.lostConnection(ctx, a.row, err)
	}
	return err
}

func (a *applier) run(ctx context.Context, q *queue.Queue) error {
	if err := a.loadParked(ctx); err != nil {
		return err
	}
	a.prefetch.queue, a.prefetch.group = q, &queue.Group{}
	q.IdleAfter = idleCheckInterval
	g := &queue.Group{}
	for {
		var err error
		if g, err = a.nextGroup(g); errors.Is(err, queue.ErrIdle) {
			err = a.checkProgress(ctx)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		a.health.begin()
		if err := a.apply(ctx, g); err != nil {
			return err
		}
		a.health.end()
	}
}

// checkProgress asks a target that has been idle whether it still has our position. Otherwise a failover or a restore of the
// target would not be noticed before the next change.
func (a *applier) checkProgress(ctx context.Context) error {
	a.health.begin()
	defer a.health.end()
	return a.row.check(ctx, a.db)
}

// apply writes a group, or a piece, and reports the durable position.
func (a *applier) apply(ctx context.Context, g *queue.Group) error {
	if a.midTransaction || !g.Commit {
		return a.applyPiece(ctx, g)
	}
	if g.EndsEmptySnapshot() {
		return a.retryTransient(ctx, func() error { return a.applyEmptySnapshot(ctx, g) })
	}
	return a.applyBulk(ctx, g)
}

// applyEmptySnapshot is one attempt to write a group that ends with an initial copy without rows: all tables of the source are
// empty. The changes before it in the group are older than the copy.
func (a *applier) applyEmptySnapshot(ctx context.Context, g *queue.Group) error {
	return a.applyInTx(ctx, g, func() error {
		if err := a.serial(ctx, g.Changes); err != nil {
			return err
		}
		return a.deleteEarlierCopy(ctx)
	})
}

// applyBulk writes a group of whole transactions in bulk. On a conflict it splits the group in halves, until the transaction with
// the conflict is alone and is applied change by change.
func (a *applier) applyBulk(ctx context.Context, g *queue.Group) error {
	if !a.planned(g.Changes) {
		a.resetEffects()
		if first, second, several := g.SplitAtNewShape(); several {
			if err := a.applyBulk(ctx, &first); err != nil {
				return err
			}
			return a.applyBulk(ctx, &second)
		}
	}
	err := a.retryTransient(ctx, func() error { return a.tryBulk(ctx, g) })
	if err == nil || capture.AsProblem(err) != nil || !conflictError(err) {
		return named("write a group", err)
	}
	first, second, several := g.Halves()
	if !several {
		a.log.Debug("change by change", zap.Stringer("at", g.End), zap.Error(err))
		return a.applySerial(ctx, g)
	}
	if err := a.applyBulk(ctx, &first); err != nil {
		return err
	}
	return a.applyBulk(ctx, &second)
}

// planned reports whether the tables of all changes have a plan.
func (a *applier) planned(changes []*capture.Change) bool {
	var last *capture.Table
	for _, c := range changes {
		if c.Table != last && a.plans[c.Table] == nil {
			return false
		}
		last = c.Table
	}
	return true
}

// tryBulk is one attempt to write a group in one transaction.
func (a *applier) tryBulk(ctx context.Context, g *queue.Group) error {
	head := make([]dml.Call, 0, len(a.beginStatements)+1)
	for _, st := range a.beginStatements {
		head = append(head, dml.Call{Statement: st, Rows: dml.AnyRows})
	}
	fence := dml.Call{Statement: a.row.fence, Rows: dml.AnyRows, Fence: true, Params: a.row.params(g)}
	a.bulk.pipeline.Begin(append(head, fence)...)
	if err := a.bulk.applyAndCommit(ctx, g.Changes); err != nil {
		return err
	}
	a.committed(g.End)
	return nil
}

// applyPiece writes a piece of a source transaction that is larger than a group. All pieces go into one target transaction.
func (a *applier) applyPiece(ctx context.Context, g *queue.Group) error {
	if !a.midTransaction {
		if err := a.begin(ctx); err != nil {
			return err
		}
		if err := a.row.lockRow(ctx, a.db); err != nil {
			return err
		}
		a.midTransaction = true
	}
	if err := a.applyPieceInBulk(ctx, g.Changes); err != nil {
		return err
	}
	if !g.Commit {
		return nil
	}
	a.midTransaction = false
	if err := a.row.moveTo(ctx, a.db, g); err != nil {
		return err
	}
	return a.commit(ctx, g.End)
}

// applyPieceInBulk writes a piece in bulk and, on a conflict, change by change. Earlier pieces stay written.
func (a *applier) applyPieceInBulk(ctx context.Context, changes []*capture.Change) error {
	for n := 1; ; n++ {
		if err := a.db.Run(ctx, "SAVEPOINT piece"); err != nil {
			return named("set savepoint", err)
		}
		planned, begun := len(a.newTables), a.initialCopy.clone()
		err := a.bulk.apply(ctx, changes)
		if err == nil {
			return named("release savepoint", a.db.Run(ctx, "RELEASE SAVEPOINT piece"))
		}
		a.bulk.pipeline.Abort()
		if capture.AsProblem(err) != nil || !conflictError(err) && (!transient(err) || n == attempts) {
			return named("write a piece", err)
		}
		if err := a.db.Run(ctx, "ROLLBACK TO SAVEPOINT piece; RELEASE SAVEPOINT piece"); err != nil {
			return named("roll back to savepoint", err)
		}
		a.forgetPlans(planned)
		a.initialCopy = begun
		if conflictError(err) {
			return a.serial(ctx, changes)
		}
	}
}

// lostConnection returns sink.ErrFenced when the connection was lost because another process opened the sink, else err.
func (s *Sink) lostConnection(ctx context.Context, row *progress, err error) error {
	ctx, stop := context.WithTimeout(ctx, staleOwnerTimeout)
	defer stop()
	db, failed := s.connect(ctx)
	if failed != nil {
		return err
	}
	defer db.Close()
	rows, failed := db.Query(ctx, `SELECT EXISTS (SELECT FROM tailrace.progress
		WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND owner = $4)`, row.key...)
	if failed == nil && string(rows[0][0]) == "f" {
		return sink.ErrFenced
	}
	return err
}
