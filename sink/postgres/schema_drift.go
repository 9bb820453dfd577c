package postgres

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// catalog returns an empty catalog of the sink's target tables.
func (s *Sink) catalog() target.Catalog {
	return target.Catalog{
		Before: func(reason, sql string) {
			if reason != "" { // else something new is created
				s.log.Info("alter the target", zap.String("reason", reason), zap.String("statement", sql))
			}
		},
		Pipeline: s.options.Pipeline, Sink: s.options.Name, Schema: s.options.Schema, AddColumns: s.options.AddColumns, Upserts: s.options.KeepDeletes,
	}
}

// prepareTables creates the register of target tables, in a transaction of its own.
func (s *Sink) prepareTables(ctx context.Context, db *dml.Conn) error {
	catalog := s.catalog()
	err := db.Run(ctx, "BEGIN")
	if err == nil {
		err = catalog.Prepare(ctx, db.PG)
	}
	if err == nil {
		return named("prepare the target", db.Run(ctx, "COMMIT"))
	}
	return errors.Join(named("prepare the target", err), db.Rollback(ctx))
}

// handleDrift finds the cause of an error in the target's schema, and executes statements that need a transaction of their own. The
// sink is opened again afterwards.
func (a *applier) handleDrift(ctx context.Context, err error) error {
	var c *conflict
	if errors.As(err, &c) {
		if cause := a.driftCause(c); cause != nil {
			err = cause
		}
	}
	var apart *target.Apart
	if !errors.As(err, &apart) {
		return a.makeEarlierShapes(ctx, err)
	}
	if rolled := a.rollback(ctx); rolled != nil {
		return errors.Join(err, rolled)
	}
	for _, sql := range apart.Statements {
		a.log.Info("alter the target", zap.String("statement", sql))
		if err := a.db.Run(ctx, sql); err != nil {
			return named(sql, err)
		}
	}
	return &capture.Problem{State: "target_changing", Reason: "the target was altered, and the sink is opened again"}
}

// makeEarlierShapes alters the target for the earlier shapes of a transaction whose next shape halts the sink with err, in a
// transaction of its own: the fix in err assumes that they were applied.
func (a *applier) makeEarlierShapes(ctx context.Context, err error) error {
	if capture.AsProblem(err) == nil || len(a.earlierShapes) == 0 {
		return err
	}
	if rolled := a.rollback(ctx); rolled != nil {
		return errors.Join(err, rolled)
	}
	failed := a.db.Run(ctx, "BEGIN")
	if failed == nil {
		failed = a.row.lockRow(ctx, a.db)
	}
	for i := 0; i < len(a.earlierShapes) && failed == nil; i++ {
		_, failed = a.catalog.Relation(ctx, a.db.PG, a.earlierShapes[i])
	}
	if failed == nil {
		failed = a.db.Run(ctx, "COMMIT")
	}
	if failed != nil {
		a.log.Warn("cannot alter the target for an earlier shape", zap.Stringer("table", a.earlierShapes[0]), zap.Error(failed))
	}
	return err
}

// driftCause returns the error that describes what an operator, or the sink, has to change in the target's schema to resolve a
// conflict. It is nil when a row or a constraint causes the conflict.
func (a *applier) driftCause(c *conflict) error {
	if c.err == nil || c.change == nil || c.plan == nil {
		return nil
	}
	cause := a.catalog.Explain(c.plan.Rel, c.change, c.err)
	var apart *target.Apart
	if capture.AsProblem(cause) != nil || errors.As(cause, &apart) {
		return cause
	}
	return nil
}
