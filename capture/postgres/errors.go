package postgres

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/slot"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// startError returns the problem of an error of START_REPLICATION or, later, of the stream. After any of these the
// connection is desynchronised: close it and dial again. s is the slot's row, read after the error; nil when there is none.
// 42704 and 55000 have several meanings that only the row distinguishes.
func (c *Config) startError(err error, s *slot.State) error {
	switch pgconnect.SQLState(err) {
	case pgconnect.UndefinedObject:
		if s != nil {
			return problem.Named("start slot "+c.Slot, c.publication().Missing(err))
		}
		return problem.Named("start slot "+c.Slot, slot.Missing(c.Slot, err))
	case pgconnect.ObjectNotInPrerequisiteState:
		if s != nil {
			if p := s.Problem(); p != nil {
				p.Err = err
				return p
			}
		}
		return problem.Named("start slot "+c.Slot, &capture.Problem{
			State: "source_not_ready", Halted: true, Usage: true,
			Reason: "the server cannot stream this slot", Err: err,
			Fix: "`tailrace check` names the setting or the state that prevents it",
		})
	}
	return problem.NamedRead("start slot "+c.Slot, err)
}
