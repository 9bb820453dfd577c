package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// sqlstate returns the SQLSTATE of a server's error in err, or "".
func sqlstate(err error) string { return pgconnect.SQLState(err) }

// named returns the Problem of a server's error, by SQLSTATE: texts differ between versions and languages. An error that
// already is a Problem, that was caused by the end of ctx, or that has no state is returned unchanged. op is the operation:
// "start slot".
func (c *Config) named(op string, err error) error {
	if err == nil {
		return nil
	}
	if capture.AsProblem(err) == nil && !errors.Is(err, context.Canceled) {
		if p := c.byState(err); p != nil {
			err = p
		}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// byState returns the problem of an error that has the same meaning wherever it occurs, or nil.
func (c *Config) byState(err error) *capture.Problem {
	switch sqlstate(err) {
	case pgconnect.ObjectInUse:
		return &capture.Problem{State: "slot_active", Reason: fmt.Sprintf("another process holds slot %s", c.Slot), Err: err}
	case pgconnect.ConfigurationLimitExceeded:
		return &capture.Problem{
			State: "slots_exhausted", Halted: true, Usage: true,
			Reason: "the server has no replication slot left", Err: err,
			Fix: "raise max_replication_slots and restart the server, or drop a slot that nobody uses",
		}
	}
	return pgconnect.Source.Problem(err)
}

// startError returns the problem of an error of START_REPLICATION or, later, of the stream. After any of these the
// connection is desynchronised: close it and dial again. s is the slot's row, read after the error; nil when there is none.
// 42704 and 55000 have several meanings that only the row distinguishes.
func (c *Config) startError(err error, s *slotState) error {
	switch sqlstate(err) {
	case pgconnect.UndefinedObject:
		if s != nil {
			return c.named("start slot "+c.Slot, c.publicationMissing(err))
		}
		return c.named("start slot "+c.Slot, c.slotMissing(err))
	case pgconnect.ObjectNotInPrerequisiteState:
		if s != nil {
			if p := c.slotProblem(s); p != nil {
				p.Err = err
				return p
			}
		}
		return c.named("start slot "+c.Slot, &capture.Problem{
			State: "source_not_ready", Halted: true, Usage: true,
			Reason: "the server cannot stream this slot", Err: err,
			Fix: "`tailrace check` names the setting or the state that stands against it",
		})
	}
	return c.readError("start slot "+c.Slot, err)
}

// readError returns the problem of an error in reading rows. op is the operation.
func (c *Config) readError(op string, err error) error {
	if tooLarge(err) {
		return c.named(op, &capture.Problem{
			State: "value_too_large", Halted: true, Usage: true,
			Reason: "the server cannot send a value: its text form is too large", Err: err,
			Fix: "leave the column out: columns = [...] in the table's block, then drop the slot and start anew",
		})
	}
	return c.named(op, err)
}

// tooLarge distinguishes the walsender's palloc failure from other internal errors. The text is never translated: it is an
// elog.
func tooLarge(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == pgconnect.InternalError || e.Code == pgconnect.ProgramLimitExceeded) && (strings.Contains(e.Message, "invalid memory alloc request size") ||
		strings.Contains(e.Message, "out of memory") || strings.Contains(e.Message, "enlarge string buffer"))
}

func (c *Config) slotMissing(err error) *capture.Problem {
	return &capture.Problem{
		State: "slot_missing", Halted: true, Usage: true, Err: err,
		Reason: fmt.Sprintf("slot %s does not exist any more", c.Slot),
		Fix:    "changes since it was dropped are lost: `tailrace drop -pipeline P FILE`, then start again with a snapshot",
	}
}

func (c *Config) publicationMissing(err error) *capture.Problem {
	p := &capture.Problem{
		State: "publication_missing", Halted: true, Usage: true, Err: err,
		Reason: fmt.Sprintf("publication %s does not exist", c.Publication),
	}
	if !c.Manage {
		p.Fix = fmt.Sprintf("create it, before the slot: CREATE PUBLICATION %s FOR TABLE ... ;\nor set manage = true",
			ident(c.Publication))
		return p
	}
	p.Reason += fmt.Sprintf(", but slot %s does: what was changed since it was dropped cannot be read any more", c.Slot)
	p.Fix = "`tailrace drop -pipeline P FILE`, then start again with a snapshot"
	return p
}
