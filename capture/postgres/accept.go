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
func (s *Settings) AcceptWarning(ctx context.Context, pipeline, state string, records []capture.Record) (states [][]byte, lost []string, err error) {
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

// acceptTrees returns the state that each record gets when the operator accepts the changes of the partition trees, and a
// description of them.
func acceptTrees(ctx context.Context, conn *pgx.Conn, c *publication.Config, records []capture.Record) (
	states [][]byte, lost []string, err error,
) {
	var bases []string
	for i := range records {
		bases = append(bases, recordedTrees(records[i].State))
	}
	base, lost, err := trees.Accept(ctx, conn, c, bases)
	if err != nil || base == "" {
		return nil, nil, err
	}
	for i := range records {
		states = append(states, withTrees(restated(&records[i]), base))
	}
	return states, lost, nil
}

// acceptJoins returns the state that each record gets when the operator accepts rows that were not copied, and a description
// of them.
func acceptJoins(ctx context.Context, conn *pgx.Conn, c *publication.Config, records []capture.Record) (
	states [][]byte, lost []string, err error,
) {
	var joins []joined.Record
	for i := range records {
		joins = append(joins, joinsOf(&records[i]))
	}
	list, lost, err := joined.Accept(ctx, conn, c, joins)
	if err != nil || list == "" {
		return nil, nil, err
	}
	for i := range records {
		states = append(states, withJoins(restated(&records[i]), list))
	}
	return states, lost, nil
}
