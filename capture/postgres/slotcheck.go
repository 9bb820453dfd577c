package postgres

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// slotProblem returns why a slot with our name cannot be streamed from; nil when it can. A slot held by another process is
// no problem here: then we are the standby. Nor is a missing failover property: the start of the slot sets it.
func (c *Config) slotProblem(s *slotState) *capture.Problem {
	switch {
	case s.Type != "logical":
		return c.refuseSlot("slot_physical", "it is a physical slot")
	case !s.Here:
		return c.refuseSlot("slot_other_database", fmt.Sprintf("it belongs to database %s", s.Database))
	case s.Plugin != "pgoutput":
		return c.refuseSlot("slot_other_plugin", fmt.Sprintf("its output plugin is %s, not pgoutput", s.Plugin))
	case s.Temporary:
		return c.refuseSlot("slot_temporary", "it is the temporary slot of another session")
	case s.TwoPhase: // prepared transactions would leave the source before their commit (I4)
		return c.refuseSlot("slot_two_phase", "it decodes prepared transactions before they commit")
	case s.Invalid != "":
		return &capture.Problem{
			State: "slot_lost", Halted: true, Usage: true,
			Reason: fmt.Sprintf("slot %s is invalidated (%s): changes after %s cannot be read any more",
				c.Slot, s.Invalid, s.Confirmed),
			Fix: lostFix(s.Invalid) + "`tailrace drop -pipeline P FILE`, then start again with a snapshot",
		}
	}
	return nil
}

func (c *Config) refuseSlot(state, why string) *capture.Problem {
	return &capture.Problem{
		State: state, Halted: true, Usage: true,
		Reason: fmt.Sprintf("slot %s exists, but %s", c.Slot, why),
		Fix: fmt.Sprintf("give this pipeline another name: slot = \"...\";\nor, if it is not needed any more: "+
			"SELECT pg_drop_replication_slot('%s');", c.Slot),
	}
}

// lostFix returns the setting that prevents it from happening again.
func lostFix(reason string) string {
	switch reason {
	case "wal_removed":
		return "raise max_slot_wal_keep_size, or watch tailrace_slot_safe_bytes;\n"
	case "idle_timeout":
		return "raise idle_replication_slot_timeout;\n"
	case "wal_level_insufficient":
		return "keep wal_level at logical;\n"
	}
	return ""
}
