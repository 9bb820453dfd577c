package postgres

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// originName returns the name of the replication origin of a sink's transactions. Postgres 18 limits it to 512 bytes.
func (s *Sink) originName() string {
	return "tailrace_" + strings.ToLower(s.options.Pipeline+"_"+s.options.Name)
}

// setUpOrigin sets the sink's replication origin for the session, so that a reverse pipeline can skip these transactions. A
// previous session that still has the origin is terminated: it is fenced already.
func (s *Sink) setUpOrigin(ctx context.Context, db *dml.Conn) error {
	if s.options.Origin == OriginOff {
		return nil
	}
	name := []byte(s.originName())
	may, err := db.Query(ctx, `SELECT pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_session_setup(text)', 'EXECUTE')
		AND pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_create(text)', 'EXECUTE')
		AND pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_oid(text)', 'EXECUTE')`)
	if err != nil {
		return named("look for the rights to a replication origin", err)
	}
	if string(may[0][0]) != "t" {
		return s.noOrigin(nil)
	}
	err = s.setOrigin(ctx, db, name)
	if holder := holderOf(err); holder != "" {
		_, err = db.Query(ctx, `SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity
			WHERE pid = $1::pg_catalog.int4 AND application_name = pg_catalog.current_setting('application_name')
			AND datname = pg_catalog.current_database() AND usename = CURRENT_USER`, []byte(holder))
		if err == nil {
			err = s.setOrigin(ctx, db, name)
		}
	}
	if err != nil {
		return s.noOrigin(err)
	}
	return nil
}

// pidAtEnd finds the process in "replication origin with ID 1 is already active for PID 4711", in any language.
var pidAtEnd = regexp.MustCompile(`([0-9]+)[^0-9]*$`)

// holderOf returns the PID of the process that has the origin, or "" when err is another error.
func holderOf(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != pgconnect.ObjectInUse {
		return ""
	}
	if m := pidAtEnd.FindStringSubmatch(e.Message); m != nil {
		return m[1]
	}
	return ""
}

func (s *Sink) setOrigin(ctx context.Context, db *dml.Conn, name []byte) error {
	_, err := db.Query(ctx, `SELECT pg_catalog.pg_replication_origin_create($1)
		WHERE pg_catalog.pg_replication_origin_oid($1) IS NULL`, name)
	if err != nil && pgconnect.SQLState(err) != pgconnect.DuplicateObject && pgconnect.SQLState(err) != pgconnect.UniqueViolation {
		return err
	}
	_, err = db.Query(ctx, "SELECT pg_catalog.pg_replication_origin_session_setup($1)", name)
	return err
}

// noOrigin returns the error of a session without an origin, if it is one.
func (s *Sink) noOrigin(err error) error {
	if pgconnect.Broken(err) || s.options.Origin == OriginRequired && pgconnect.SQLState(err) == pgconnect.ObjectInUse {
		return named("set up the replication origin", err)
	}
	if s.options.Origin != OriginRequired {
		return nil
	}
	return &capture.Problem{
		State: "origin_denied", Halted: true, Usage: true, Err: err,
		Reason: "origin = \"required\", and the session cannot have a replication origin",
		Fix: "as a superuser, in the target's database:\n" +
			"GRANT EXECUTE ON FUNCTION pg_replication_origin_create(text), pg_replication_origin_oid(text),\n" +
			"    pg_replication_origin_session_setup(text) TO <role>;\n" +
			"and max_replication_slots (max_active_replication_origins from 18 on) above the number of such sessions",
	}
}
