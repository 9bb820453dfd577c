package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/joined"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/capture/postgres/trees"
)

// Warnings implements daemon.Warnings.
func (s *Settings) Warnings() []string {
	return []string{"partitions_changed", joined.RowsNotCopied}
}

// AcceptWarning implements daemon.Warnings.
func (s *Settings) AcceptWarning(ctx context.Context, pipeline, state string, records []capture.Record) (update func([]byte) []byte, lost []string, err error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, nil, err
	}
	conn, err := c.control(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer hangUp(ctx, conn.Close)
	if state == joined.RowsNotCopied {
		return acceptJoins(ctx, conn, c.publication(), records)
	}
	return acceptTrees(ctx, conn, c.publication(), records)
}

// acceptTrees returns how a record's state changes when the changes of the partition trees are accepted, and a description of
// them.
func acceptTrees(ctx context.Context, conn *pgx.Conn, c *publication.Config, records []capture.Record) (
	update func([]byte) []byte, lost []string, err error,
) {
	var bases []string
	for i := range records {
		bases = append(bases, recordedTrees(records[i].State))
	}
	in, lost, err := trees.Accept(ctx, conn, c, bases)
	if err != nil || in == nil {
		return nil, nil, err
	}
	return func(state []byte) []byte { return withTrees(restated(state), in(recordedTrees(state))) }, lost, nil
}

// acceptJoins returns how a record's state changes when the operator accepts rows that were not copied, and a description of
// them.
func acceptJoins(ctx context.Context, conn *pgx.Conn, c *publication.Config, records []capture.Record) (
	update func([]byte) []byte, lost []string, err error,
) {
	var joins []joined.Record
	for i := range records {
		joins = append(joins, joinsOf(&records[i]))
	}
	in, lost, err := joined.Accept(ctx, conn, c, joins)
	if err != nil || in == nil {
		return nil, nil, err
	}
	return func(state []byte) []byte { return withJoins(restated(state), in(recordedJoins(state))) }, lost, nil
}
