package publication

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// scratch is a publication that never commits.
const scratch = "tailrace_scratch"

// checkFilters publishes each filter by itself, in a transaction that is rolled back. Postgres then reports whether it is
// valid as a row filter, its normalized form, and the columns that it uses.
func (c *Config) checkFilters(ctx context.Context, conn *pgx.Conn, p *Plan) []error {
	var errs []error
	for _, t := range p.targets {
		if t.where == "" {
			continue
		}
		used, err := c.normalize(ctx, conn, p, t)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, l := range t.stored() {
			if bad := filterProblem(t, &l, used); bad != nil {
				errs = append(errs, bad)
			}
		}
	}
	return errs
}

var errRollback = errors.New("roll back")

// normalize sets the filter as Postgres prints it, and returns the columns that it uses.
func (c *Config) normalize(ctx context.Context, conn *pgx.Conn, p *Plan, t *target) ([]string, error) {
	var used []string
	err := pgx.BeginFunc(ctx, conn, func(pgx.Tx) error {
		alone := *t
		alone.columns = nil // columns of a list would be dependencies too
		err := pgconnect.Exec(ctx, conn, "CREATE PUBLICATION "+scratch+" FOR TABLE "+list([]*target{&alone})+" WITH ("+options(p.Major)+")")
		if err != nil {
			return err
		}
		ms, err := c.members(ctx, conn, scratch)
		if err != nil {
			return err
		}
		if len(ms) != 1 || ms[0].oid != t.OID || ms[0].Columns != nil {
			return fmt.Errorf("its parentheses do not match")
		}
		t.normal = ms[0].Where
		if used, err = c.filterColumns(ctx, conn); err != nil {
			return err
		}
		return errRollback
	})
	if errors.Is(err, errRollback) {
		return used, nil
	}
	var e *pgconn.PgError
	if pgconnect.SQLState(err) != "" && problem.OfServer(err) != nil || !errors.As(err, &e) && pgconnect.Broken(err) {
		return nil, problem.Named("check filter of "+t.String(), err) // an error of the server, not of the filter
	}
	bad := problem.Refusal("filter_invalid", fmt.Sprintf("where of %s cannot be a row filter", t), "-- correct where")
	if bad.Err = err; e != nil && e.Hint+e.Detail != "" {
		bad.Fix += ": " + strings.TrimSpace(e.Detail+" "+e.Hint)
	}
	return nil, bad
}

// filterColumns reads which columns the scratch filter depends on.
func (c *Config) filterColumns(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	var used []string
	err := conn.QueryRow(ctx, `SELECT ARRAY(SELECT a.attname::text
		FROM pg_publication p JOIN pg_publication_rel pr ON pr.prpubid = p.oid
			JOIN pg_depend d ON d.classid = 'pg_publication_rel'::regclass AND d.objid = pr.oid
				AND d.refclassid = 'pg_class'::regclass AND d.refobjid = pr.prrelid AND d.refobjsubid > 0
			JOIN pg_attribute a ON a.attrelid = pr.prrelid AND a.attnum = d.refobjsubid
		WHERE p.pubname = $1 ORDER BY a.attnum)`, scratch).Scan(&used)
	return used, problem.Named("read columns of filter", err)
}

// filterProblem returns a problem if a filter would make the application's UPDATE and DELETE fail.
func filterProblem(t *target, l *leaf, used []string) error {
	lost := without(used, identity(l.attributes))
	if len(lost) == 0 {
		return nil
	}
	fix := "ALTER TABLE " + l.sql() + " REPLICA IDENTITY FULL;"
	if t.listed() != nil {
		fix = "-- with a column list FULL is no way out: make a unique index with these columns (all NOT NULL)\n" +
			"-- its replica identity: ALTER TABLE " + l.sql() + " REPLICA IDENTITY USING INDEX ...;"
	}
	return &capture.Problem{State: "filter_breaks_updates", Halted: true, Usage: true, Reason: fmt.Sprintf(
		"where of %s uses %s, which the replica identity of %s does not carry: once published, every UPDATE and DELETE "+
			"on it would fail", t, strings.Join(lost, ", "), l), Fix: fix + "\n-- or let the daemon drop the rows: " + byDaemon(t) + ", and write where as an expression over row"}
}
