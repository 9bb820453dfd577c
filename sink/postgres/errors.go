package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// named gives an error of the target's server its Problem. One that has a Problem already, that ended with
// its context, or that has no name is returned as it is. op says what was done: "write progress".
func named(op string, err error) error {
	if err == nil {
		return nil
	}
	if capture.AsProblem(err) == nil && !errors.Is(err, context.Canceled) {
		if p := byState(err); p != nil {
			err = p
		}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// byState is the problem of an error that has a meaning wherever it comes up.
func byState(err error) *capture.Problem {
	if pgconnect.SQLState(err) == pgconnect.ReadOnlySQLTransaction {
		return &capture.Problem{
			State: "target_read_only", Halted: true, Usage: true, Reason: "the target takes no writes: it is a standby, or set read only",
			Fix: "let url point at the primary, or use target_session_attrs=primary", Err: err,
		}
	}
	return pgconnect.Target.Problem(err)
}

func notReplicaRole(err error) error {
	if pgconnect.SQLState(err) != pgconnect.InsufficientPrivilege {
		return named("turn constraints off", err)
	}
	return &capture.Problem{
		State: "constraints_denied", Halted: true, Usage: true, Err: err,
		Reason: "constraints = \"off\" needs a role that may set session_replication_role",
		Fix:    "as a superuser, on 15 and newer: GRANT SET ON PARAMETER session_replication_role TO <role>; or leave constraints out",
	}
}
