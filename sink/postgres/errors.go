package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// named gives an error of the target's server its Problem, by SQLSTATE. One that has a Problem already, that ended with
// its context, or that has no name is returned as it is. op says what was done: "write progress".
func named(op string, err error) error {
	if err == nil {
		return nil
	}
	if capture.AsProblem(err) == nil && !errors.Is(err, context.Canceled) {
		if p := byState(err); p != nil {
			p.Err = err
			err = p
		}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// byState is the table of the SQLSTATEs that have a meaning wherever they come up.
func byState(err error) *capture.Problem {
	code := sqlstate(err)
	switch code {
	case "28P01", "28000":
		return &capture.Problem{
			State: "authentication_failed", Halted: true, Usage: true, Reason: "the target's server does not let this role in",
			Fix: "check user and password of the sink; pg_hba.conf needs a line for this role, database and host",
		}
	case "3D000":
		return &capture.Problem{
			State: "database_missing", Halted: true, Usage: true, Reason: "the target's database does not exist",
			Fix: "correct the database in url, or create it",
		}
	case "42501":
		return &capture.Problem{
			State: "permission_denied", Halted: true, Usage: true, Reason: "the sink's role may not do this in the target",
			Fix: "`tailrace check` lists what the role needs, with the SQL",
		}
	case "57P03":
		return &capture.Problem{State: "target_starting", Reason: "the target's server is starting up, recovering or shutting down"}
	case "57P01", "57P02":
		return &capture.Problem{State: "target_unreachable", Reason: "the target's server ended the connection"}
	case "53300":
		return &capture.Problem{
			State: "too_many_connections", Reason: "the target's server has no connection left for this role",
			Fix: "raise max_connections or the role's connection limit",
		}
	case "55P03", "57014":
		return &capture.Problem{State: "target_busy", Reason: "the target took too long over a lock or an answer"}
	case "53100":
		return &capture.Problem{State: "target_disk_full", Reason: "the target's disk is full"}
	case "25006":
		return &capture.Problem{
			State: "target_read_only", Halted: true, Usage: true, Reason: "the target takes no writes: it is a standby, or set read only",
			Fix: "let url point at the primary, or use target_session_attrs=primary",
		}
	}
	if strings.HasPrefix(code, "08") || code == "" && pgconnect.Broken(err) {
		return &capture.Problem{State: "target_unreachable", Reason: "the target's server cannot be reached"}
	}
	return nil
}

// sqlstate is the SQLSTATE of a server's error in err, or "".
func sqlstate(err error) string { return pgconnect.SQLState(err) }

func notReplicaRole(err error) error {
	if sqlstate(err) != "42501" {
		return named("turn constraints off", err)
	}
	return &capture.Problem{
		State: "constraints_denied", Halted: true, Usage: true, Err: err,
		Reason: "constraints = \"off\" needs a role that may set session_replication_role",
		Fix:    "as a superuser, on 15 and newer: GRANT SET ON PARAMETER session_replication_role TO <role>; or leave constraints out",
	}
}
