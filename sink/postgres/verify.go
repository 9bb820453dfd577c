package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// Read opens a connection for queries and repairs, without time limits and with the default planner settings. It prints and reads
// values as the source does. The caller closes it.
func (s *Settings) Read(ctx context.Context, pipeline, name string) (*pgconn.PgConn, error) {
	db, err := s.make(pipeline, name, zap.NewNop()).connect(ctx)
	if err != nil {
		return nil, err
	}
	err = db.Run(ctx, `SET statement_timeout = 0; SET enable_hashjoin = on; SET enable_mergejoin = on; SET enable_seqscan = on;
		SET plan_cache_mode = auto`)
	if err != nil {
		db.Close()
		return nil, named("prepare connection", err)
	}
	return db.PG, nil
}

// Lands returns the schema and name of the target of a source table.
func (s *Settings) Lands(schema, table string) (string, string) {
	if s.Schema != "" {
		schema = s.Schema
	}
	return schema, table
}

// Keeps reports whether the replica keeps rows that the source deletes.
func (s *Settings) Keeps() bool { return s.Deletes == "keep" || s.Truncate == "ignore" }

// Durable reads the durable position, on a connection of Read. It is zero when there is no record.
func (s *Settings) Durable(ctx context.Context, pg *pgconn.PgConn, pipeline, name string) (p capture.Position, err error) {
	db := &dml.Conn{PG: pg}
	rows, err := db.Query(ctx, `SELECT position, seq FROM tailrace.progress
		WHERE pipeline = $1 AND sink = $2 AND position IS NOT NULL ORDER BY position LIMIT 1`, []byte(pipeline), []byte(name))
	if err != nil || len(rows) == 0 {
		return p, named("read progress", err)
	}
	if p.LSN, err = capture.ParseLSN(string(rows[0][0])); err == nil {
		p.Seq, err = strconv.ParseUint(string(rows[0][1]), 10, 64)
	}
	return p, named("read progress", err)
}

// Recorded returns the OID of the source table that was recorded last under a name, such as public.orders, on a connection of Read.
// After the source has renamed the table, its record has the former name until the first row arrives under the new one. 0: there is no
// such table.
func (s *Settings) Recorded(ctx context.Context, pg *pgconn.PgConn, pipeline, name, table string) (oid uint32, err error) {
	db := &dml.Conn{PG: pg}
	rows, err := db.Query(ctx, `SELECT source_oid FROM tailrace.tables
		WHERE pipeline = $1 AND sink = $2 AND source_schema || '.' || source_table = $3 LIMIT 1`, []byte(pipeline), []byte(name), []byte(table))
	if pgconnect.SQLState(err) == pgconnect.UndefinedTable || err == nil && len(rows) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, named("read tailrace.tables", err)
	}
	n, err := strconv.ParseUint(string(rows[0][0]), 10, 32)
	return uint32(n), err
}

// Misfits returns the columns of a source table whose target has a type that does not store all values of the source's, or that another
// column has left behind. types has, by column, the types of the source (a domain is followed by the types under it), and last the
// target's.
func (s *Settings) Misfits(
	ctx context.Context, pg *pgconn.PgConn, pipeline, name, schema, table string, types map[string][]string,
) (names []string, err error) {
	schema, table = s.Lands(schema, table)
	left, err := target.LeftTypes(ctx, pg, pipeline, name, schema, table)
	for column, all := range types {
		if last := len(all) - 1; !target.Stores(all[last], all[:last]) || slices.Contains(left, column) && all[last] != all[0] {
			names = append(names, column)
		}
	}
	return names, err
}

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
