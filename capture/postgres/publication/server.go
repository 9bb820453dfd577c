package publication

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// server is what the checks need to know about the server and our role.
type server struct {
	Version     string
	Recovering  bool
	WALLevel    string
	SyncNames   string // synchronous_standby_names
	Application string // as truncated by the server
	Slots       int
	MaxSlots    int
	MaxSenders  int
	Role        string
	Replication bool // the role may use a replication connection
	Super       bool
	BypassRLS   bool
	Database    string
	Create      bool // the role may create a publication in the database
}

func (c *Config) readServer(ctx context.Context, conn *pgx.Conn) (*server, error) {
	var s server
	err := conn.QueryRow(ctx, `
		SELECT current_setting('server_version'), pg_is_in_recovery(), current_setting('wal_level'),
			current_setting('synchronous_standby_names'), current_setting('application_name'),
			(SELECT count(*) FROM pg_replication_slots), current_setting('max_replication_slots')::int,
			current_setting('max_wal_senders')::int,
			r.rolname, r.rolsuper OR r.rolreplication OR EXISTS (SELECT FROM pg_roles g
				WHERE g.rolname = 'rds_replication' AND pg_has_role(g.oid, 'MEMBER')), r.rolsuper,
			r.rolsuper OR r.rolbypassrls, current_database(), has_database_privilege(current_database(), 'CREATE')
		FROM pg_roles r WHERE r.rolname = current_user`).Scan(&s.Version, &s.Recovering, &s.WALLevel, &s.SyncNames,
		&s.Application, &s.Slots, &s.MaxSlots, &s.MaxSenders, &s.Role, &s.Replication, &s.Super, &s.BypassRLS,
		&s.Database, &s.Create)
	if err != nil {
		return nil, problem.Named("read server's settings", err)
	}
	return &s, nil
}

// checkVersion rejects a server that the other checks cannot query.
func (c *Config) checkVersion(s *server, major int) *capture.Problem {
	switch {
	case major < 13:
		return problem.Refusal("server_too_old", "Postgres "+s.Version+" is too old: 15 and newer are supported, 13 and 14 stream",
			"upgrade the server")
	case s.Recovering:
		return StandbySource()
	}
	return nil
}

// StandbySource returns the problem of a source that is a standby.
func StandbySource() *capture.Problem {
	return problem.Refusal("source_is_standby", "the server is a standby, and slots are kept on the primary",
		"let url point at the primary, or at several hosts with target_session_attrs=primary")
}

// checkServer checks the settings that creating or reading a slot requires.
func (c *Config) checkServer(s *server, p *Plan) []error {
	var errs []error
	add := func(bad bool, state, reason, fix string) {
		if bad {
			errs = append(errs, problem.Refusal(state, reason, fix))
		}
	}
	add(s.WALLevel != "logical", "wal_level", "wal_level is "+s.WALLevel+", and logical decoding needs logical",
		"ALTER SYSTEM SET wal_level = 'logical';\n-- then restart the server")
	add(!s.Replication, "role_not_replication", "role "+s.Role+" may not open a replication connection",
		"ALTER ROLE "+pgconnect.Ident(s.Role)+" REPLICATION;\n-- on Amazon RDS: GRANT rds_replication TO "+pgconnect.Ident(s.Role)+";")
	add(s.MaxSenders == 0, "senders_exhausted", "max_wal_senders is 0",
		"ALTER SYSTEM SET max_wal_senders = 10;\n-- then restart the server")
	add(p.Slot == nil && s.Slots >= s.MaxSlots, "slots_exhausted",
		fmt.Sprintf("all %d replication slots are in use, and slot %s has to be created", s.MaxSlots, c.Slot),
		fmt.Sprintf("ALTER SYSTEM SET max_replication_slots = %d;\n-- then restart the server; "+
			"or drop an unused slot: SELECT slot_name, active, restart_lsn FROM pg_replication_slots;",
			s.MaxSlots+5))
	add(waitsForUs(s.SyncNames, s.Application), "synchronous_standby",
		fmt.Sprintf("synchronous_standby_names = '%s' matches our application_name, so we count as a synchronous standby: every commit of the application "+
			"would wait for our sinks", s.SyncNames),
		"name the standbys one by one in synchronous_standby_names")
	add(c.Failover && p.Major < 17, "failover_unsupported", "failover slots came with Postgres 17, the server is "+s.Version,
		"leave failover out")
	for _, o := range c.Options {
		add(p.Major < 15 && len(o.Columns) > 0 && !o.Daemon, "needs_15", o.Name+": columns needs Postgres 15, the server is "+s.Version,
			`set enforce = "daemon" in its block, or leave columns out`)
		add(p.Major < 15 && o.Where != "", "needs_15", o.Name+": where needs Postgres 15, the server is "+s.Version,
			`set enforce = "daemon" in its block and write where as an expression over row, or leave where out`)
	}
	return errs
}

// waitsForUs reports whether a commit waits for a walsender with this application name. Names compare without case.
func waitsForUs(setting, application string) bool {
	for _, n := range strings.FieldsFunc(setting, func(r rune) bool { return strings.ContainsRune(" \t\n,()", r) }) {
		if n = strings.Trim(n, `"`); n == "*" || strings.EqualFold(n, application) {
			return true
		}
	}
	return false
}
