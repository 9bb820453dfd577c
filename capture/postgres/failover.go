package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// failoverTime bounds the wait for a slot that another session has acquired since we checked: the command waits for it.
const failoverTime = 10 * time.Second

// failover sets the property that `failover = true` requires on an existing, inactive slot. A copied slot can get it in no
// other way, and a first start may have died between the copy and this command. It needs a replication connection to
// Postgres 17 or newer.
func (c *Config) failover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, failoverTime)
	defer cancel()
	repl, err := c.replication(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, repl.Close)
	_, err = repl.Exec(ctx, "ALTER_REPLICATION_SLOT "+c.Slot+" (FAILOVER true)").ReadAll()
	if code := pgconnect.SQLState(err); code == pgconnect.FeatureNotSupported || code == pgconnect.ObjectNotInPrerequisiteState {
		return &capture.Problem{
			State: "slot_not_failover", Halted: true, Usage: true, Err: err,
			Reason: fmt.Sprintf("slot %s is not a failover slot, failover = true asks for one, and the server refuses to make it one",
				c.Slot),
			Fix: "leave failover out",
		}
	}
	return problem.Named(fmt.Sprintf("make slot %s a failover slot", c.Slot), err)
}
