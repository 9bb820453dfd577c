package postgres

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// drifted finds the cause of an error in the target's schema, and does there what has to be committed by itself. The lane
// begins again then.
func (a *applier) drifted(ctx context.Context, err error) error {
	var c *conflict
	if errors.As(err, &c) && c.err != nil && c.change != nil {
		if cause := a.catalog.Explain(c.change.Table, c.err); cause != nil {
			err = cause
		}
	}
	var apart *target.Apart
	if !errors.As(err, &apart) {
		return err
	}
	if rolled := a.rollback(ctx); rolled != nil {
		return errors.Join(err, rolled)
	}
	for _, sql := range apart.Statements {
		a.log.Info("alter the target", zap.String("statement", sql))
		if err := a.db.run(ctx, sql); err != nil {
			return named(sql, err)
		}
	}
	return &capture.Problem{State: "target_changing", Reason: "the target got what it lacked, and the lane begins again"}
}
