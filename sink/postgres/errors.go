package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// named adds the operation to an error, such as "write progress", and its Problem where it has a named state. An error that is a
// Problem already, or that a canceled context caused, gets no other one.
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

// byState returns the problem of an error that means the same wherever it occurs, or nil.
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
