package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// session has settings besides those of pgconnect. A table that was just filled has no statistics, and a cached plan with a
// sequential scan would stay in use. With these settings, rows are always found by an index if there is one.
var session = map[string]string{
	"client_min_messages": "warning",
	"enable_hashjoin":     "off",
	"enable_mergejoin":    "off",
	"enable_seqscan":      "off",
	"jit":                 "off",
	"lock_timeout":        "10s",
	"plan_cache_mode":     "force_generic_plan",
	"statement_timeout":   "10min",
}

// connect opens a connection for writes. The error is a *capture.Problem where it has a named state, and contains no secret.
func (s *Sink) connect(ctx context.Context) (*dml.Conn, error) {
	o := &s.options
	pc, err := pgconnect.Parse(pgconnect.Server{
		Side: "sink", URL: o.URL, Password: o.Password, Application: "tailrace/" + o.Pipeline + "/" + o.Name,
	})
	if err != nil {
		return nil, err
	}
	for k, v := range session {
		pc.RuntimeParams[k] = v
	}
	pg, err := pgconn.ConnectConfig(ctx, pc)
	if err != nil {
		return nil, connectError(ctx, err)
	}
	db := &dml.Conn{PG: pg}
	if err := pgconnect.Unlimited(ctx, pg); err != nil {
		db.Close()
		return nil, named("prepare connection", err)
	}
	if o.Constraints != Off {
		return db, nil
	}
	if err := db.Run(ctx, "SET session_replication_role = replica"); err != nil {
		db.Close()
		return nil, notReplicaRole(err)
	}
	return db, nil
}

// connectError turns the error of a connection attempt into a problem where it has a named state.
func connectError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	problem, err := pgconnect.Refused(err)
	if problem != nil {
		return problem
	}
	if pgconnect.SQLState(err) == "" {
		return pgconnect.Target.Unreachable(err)
	}
	return named("connect to the target", err)
}
