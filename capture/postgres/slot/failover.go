package slot

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// FailoverTime bounds MakeFailover, which waits for a slot that another session has acquired since we checked.
const FailoverTime = 10 * time.Second

// MakeFailover sets the property that `failover = true` requires on an existing, inactive slot. A copied slot can get it in
// no other way, and a first start may have died between the copy and this command. repl is a replication connection to
// Postgres 17 or newer.
func MakeFailover(ctx context.Context, repl *pgconn.PgConn, slot string) error {
	_, err := repl.Exec(ctx, "ALTER_REPLICATION_SLOT "+slot+" (FAILOVER true)").ReadAll()
	if code := pgconnect.SQLState(err); code == pgconnect.FeatureNotSupported || code == pgconnect.ObjectNotInPrerequisiteState {
		return &capture.Problem{
			State: "slot_not_failover", Halted: true, Usage: true, Err: err,
			Reason: fmt.Sprintf("slot %s is not a failover slot, failover = true asks for one, and the server refuses to make it one",
				slot),
			Fix: "leave failover out",
		}
	}
	return problem.Named(fmt.Sprintf("make slot %s a failover slot", slot), err)
}
