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

// Make creates the target of a source table, or adds its missing columns, on a connection of Read, in the same way as for the
// first row of a shape. The caller fills in the values of older rows. Make returns the statements that it executed. An error that
// is a *capture.Problem tells what an operator has to do first.
func (s *Settings) Make(ctx context.Context, pg *pgconn.PgConn, pipeline, name string, t *capture.Table) (did []string, err error) {
	db := &dml.Conn{PG: pg}
	catalog := s.make(pipeline, name, zap.NewNop()).catalog()
	catalog.AddColumns, catalog.Repairs = true, true
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
