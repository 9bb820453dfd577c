package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// statementChanges returns how many of the first changes are one statement: all of a TRUNCATE of several tables, else one.
func statementChanges(changes []*capture.Change) int {
	n := 1
	for changes[0].Op == capture.Truncate && n < len(changes) && changes[n].Op == capture.Truncate && changes[n].Tx.LSN == changes[0].Tx.LSN {
		n++
	}
	return n
}

// applyStatement applies the changes of one statement. The error is a *conflict when rows or constraints of the target cause it.
func (a *applier) applyStatement(ctx context.Context, changes []*capture.Change) error {
	c := changes[0]
	if c.Op == capture.Truncate {
		return a.truncate(ctx, changes)
	}
	if c.Op == capture.Delete && a.options.KeepDeletes {
		return nil
	}
	p := a.plans[c.Table]
	var rows int64
	var err error
	switch c.Op {
	case capture.Insert, capture.Read:
		if !dml.Complete(c.After) {
			return fmt.Errorf("insert into %s at %s: the row is not whole", p.Name, c.At())
		}
		rows, err = a.db.Exec(ctx, p.Insert, p.InsertParams(nil, c.After))
	case capture.Update:
		u := p.Usage(nil, dml.OldRow(c), c.Before, c.After, true)
		rows, err = a.db.Exec(ctx, p.Update(u), p.Params(nil, u, dml.OldRow(c), c.After))
	case capture.Delete:
		u := p.Usage(nil, dml.OldRow(c), c.Before, c.After, true)
		rows, err = a.db.Exec(ctx, p.Delete(u), p.Params(nil, u, dml.OldRow(c), nil))
	}
	return classify(p, c, rows, err)
}

func (a *applier) truncate(ctx context.Context, changes []*capture.Change) error {
	if a.options.IgnoreTruncate {
		return nil
	}
	if err := a.db.Run(ctx, a.truncateSQL(changes)); err != nil {
		return classify(a.plans[changes[0].Table], changes[0], 1, err)
	}
	return nil
}

// truncateSQL returns one statement for all tables, so that foreign keys between them do not matter.
func (a *applier) truncateSQL(changes []*capture.Change) string {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = a.plans[c.Table].Name
	}
	return "TRUNCATE " + strings.Join(names, ", ")
}

// classify turns the result of a statement for one row into an error: a *conflict where it is one.
func classify(p *dml.Plan, c *capture.Change, rows int64, err error) error {
	if err == nil && (rows == 1 || c.Op == capture.Insert || c.Op == capture.Read) {
		return nil // a trigger of the target may suppress an insert
	}
	if err == nil {
		return &conflict{plan: p, change: c, rows: rows}
	}
	var e *pgconn.PgError
	if errors.As(err, &e) && conflictCode(e.Code) {
		return &conflict{plan: p, change: c, err: e}
	}
	return named(fmt.Sprintf("%s %s", c.Op, p.Name), err)
}

// conflictCode reports whether an SQLSTATE is caused by rows or constraints of the target: class 23, values that a type does not
// accept (class 22), an error raised by a trigger, and a TRUNCATE of a table that another one references.
func conflictCode(code string) bool {
	return strings.HasPrefix(code, pgconnect.IntegrityConstraintViolation) || strings.HasPrefix(code, pgconnect.DataException) || code == pgconnect.WithCheckOptionViolation || code == pgconnect.RaiseException || code == pgconnect.FeatureNotSupported
}

// atCommit turns the failure of a deferred constraint at COMMIT into a *conflict.
func (a *applier) atCommit(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) || !conflictCode(e.Code) {
		return err
	}
	return &conflict{err: e}
}
