package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// Make makes the target of a table of the source, or adds the columns that it lacks, on a connection of Read's, by the code that
// does so for the first row of a shape. The values of older rows are for the caller to bring. It returns the statements that it
// has run; an error that is a *capture.Problem says what an operator has to do first.
func (s *Settings) Make(ctx context.Context, pg *pgconn.PgConn, pipeline, name string, t *capture.Table) (did []string, err error) {
	db := &dml.Conn{PG: pg}
	catalog := s.make(pipeline, name, zap.NewNop()).catalog()
	catalog.AddColumns, catalog.FilledLater = true, true
	catalog.Before = func(_, sql string) { did = append(did, sql) }
	for {
		did = did[:0]
		err := db.Run(ctx, "BEGIN")
		if err == nil {
			_, err = catalog.Relation(ctx, pg, t)
		}
		if err == nil {
			return did, named("make "+t.String(), db.Run(ctx, "COMMIT"))
		}
		if rolled := db.Rollback(ctx); rolled != nil {
			return nil, errors.Join(err, rolled)
		}
		var apart *target.Apart
		if !errors.As(err, &apart) {
			return nil, err
		}
		for _, sql := range apart.Statements {
			if err := db.Run(ctx, sql); err != nil {
				return nil, named(sql, err)
			}
		}
	}
}
