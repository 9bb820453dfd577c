package postgres

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// checkTimeout bounds Check and Drop.
const checkTimeout = 20 * time.Second

// Check tests that the target is reachable and writable, and that the role may keep its progress there. It changes nothing, and
// returns every problem it finds.
func (s *Settings) Check(ctx context.Context, pipeline, name string) []error {
	ctx, stop := context.WithTimeoutCause(ctx, checkTimeout, errTimeout)
	defer stop()
	k := s.make(pipeline, name, zap.NewNop())
	db, err := k.connect(ctx)
	if err != nil {
		return []error{err}
	}
	defer db.Close()
	rows, err := db.Query(ctx, `SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_database(), CURRENT_USER,
		pg_catalog.to_regnamespace('tailrace') IS NOT NULL,
		pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
		COALESCE(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('tailrace'), 'USAGE, CREATE'), false),
		pg_catalog.to_regclass('tailrace.progress') IS NOT NULL,
		COALESCE(pg_catalog.has_table_privilege(pg_catalog.to_regclass('tailrace.progress'), 'SELECT, INSERT, UPDATE'), false)`)
	if err != nil {
		return []error{named("look at the target", err)}
	}
	is := func(i int) bool { return string(rows[0][i]) == "t" }
	database, role := pgconnect.Ident(string(rows[0][1])), pgconnect.Ident(string(rows[0][2]))
	switch {
	case is(0):
		return []error{&capture.Problem{
			State: "target_read_only", Halted: true, Usage: true, Reason: "the target is a standby, which takes no writes",
			Fix: "let url point at the primary, or use target_session_attrs=primary",
		}}
	case !is(3) && !is(4):
		return []error{denied("may not create schema tailrace, where the progress is kept",
			fmt.Sprintf("GRANT CREATE ON DATABASE %s TO %s;\nor: CREATE SCHEMA tailrace AUTHORIZATION %s;", database, role, role))}
	case is(6) && !is(7):
		return []error{denied("may not write table tailrace.progress",
			fmt.Sprintf("GRANT USAGE ON SCHEMA tailrace TO %s;\nGRANT ALL ON ALL TABLES IN SCHEMA tailrace TO %s;", role, role))}
	case is(3) && !is(6) && !is(5):
		return []error{denied("may not create tables in schema tailrace", fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA tailrace TO %s;", role))}
	}
	if err := k.setUpOrigin(ctx, db); err != nil && s.Origin == "required" {
		return []error{err}
	}
	return nil
}

func denied(reason, fix string) *capture.Problem {
	return &capture.Problem{
		State: "permission_denied", Halted: true, Usage: true, Reason: "the sink's role " + reason, Fix: fix,
	}
}

// Drop removes the progress record. It returns a line for everything that it removed (with dry: would remove), and one that
// begins with "left: " for what it leaves. An open Writer is fenced, except with dry.
func (s *Settings) Drop(ctx context.Context, pipeline, name string, _ capture.Origin, dry bool) ([]string, error) {
	ctx, stop := context.WithTimeoutCause(ctx, checkTimeout, errTimeout)
	defer stop()
	db, err := s.make(pipeline, name, zap.NewNop()).connect(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return drop(ctx, db, []byte(pipeline), []byte(name), dry)
}

// registers are the tables in schema tailrace that have rows of a sink.
var registers = []struct{ table, what string }{
	{"tailrace.progress", "progress record"}, {"tailrace.tables", "record of a table"}, {"tailrace.types", "record of a type"}, {"tailrace.parked", "parked change"},
}

func drop(ctx context.Context, db *dml.Conn, pipeline, name []byte, dry bool) (lines []string, err error) {
	if err := db.Run(ctx, "BEGIN"); err != nil {
		return nil, named("begin", err)
	}
	for _, r := range registers {
		there, err := db.Query(ctx, "SELECT pg_catalog.to_regclass('"+r.table+"') IS NOT NULL")
		if err == nil && string(there[0][0]) == "t" {
			there, err = db.Query(ctx, "WITH gone AS (DELETE FROM "+r.table+" WHERE pipeline = $1 AND sink = $2 RETURNING 1) SELECT count(*) FROM gone",
				pipeline, name)
			if err == nil && string(there[0][0]) != "0" {
				lines = append(lines, fmt.Sprintf("%s %s of %s/%s in the target's %s", there[0][0], r.what, pipeline, name, r.table))
			}
		}
		if err != nil {
			return nil, named("remove from "+r.table, err)
		}
	}
	end := "COMMIT"
	if dry {
		end = "ROLLBACK"
	}
	if err := db.Run(ctx, end); err != nil {
		return nil, named("remove the progress", err)
	}
	if len(lines) > 0 {
		lines = append(lines, "left: the tables of the replica, and schema tailrace")
	}
	return lines, nil
}
