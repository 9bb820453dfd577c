package slot

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// Problem returns why a slot with our name cannot be streamed from; nil when it can. A slot held by another process is
// no problem here: then we are the standby. Nor is a missing failover property: the start of the slot sets it.
func (s *State) Problem() *capture.Problem {
	switch {
	case s.Type != "logical":
		return s.refuseSlot("slot_physical", "it is a physical slot")
	case !s.Here:
		return s.refuseSlot("slot_other_database", fmt.Sprintf("it belongs to database %s", s.Database))
	case s.Plugin != "pgoutput":
		return s.refuseSlot("slot_other_plugin", fmt.Sprintf("its output plugin is %s, not pgoutput", s.Plugin))
	case s.Temporary:
		return s.refuseSlot("slot_temporary", "it is the temporary slot of another session")
	case s.TwoPhase: // prepared transactions would leave the source before their commit (I4)
		return s.refuseSlot("slot_two_phase", "it decodes prepared transactions before they commit")
	case s.Invalid != "":
		return &capture.Problem{
			State: "slot_lost", Halted: true, Usage: true,
			Reason: fmt.Sprintf("slot %s is invalidated (%s): changes after %s cannot be read any more",
				s.Name, s.Invalid, s.Confirmed),
			Fix: lostFix(s.Invalid) + "`tailrace drop -pipeline P FILE`, then start again with a snapshot",
		}
	}
	return nil
}

func (s *State) refuseSlot(state, why string) *capture.Problem {
	return &capture.Problem{
		State: state, Halted: true, Usage: true,
		Reason: fmt.Sprintf("slot %s exists, but %s", s.Name, why),
		Fix: fmt.Sprintf("give this pipeline another name: slot = \"...\";\nor, if it is not needed any more: "+
			"SELECT pg_drop_replication_slot('%s');", s.Name),
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

// DropProblem returns why a slot must not be dropped: it is another's, or in use; nil when it can be dropped.
func (s *State) DropProblem() *capture.Problem {
	switch {
	case s.Type != "logical" || !s.Here || s.Plugin != "pgoutput" || s.Temporary:
		return s.Problem()
	case s.Active:
		return &capture.Problem{
			State: "slot_active", Usage: true,
			Reason: fmt.Sprintf("slot %s is in use by process %d of the server", s.Name, s.PID),
			Fix:    "stop the daemon that reads it first, its standbys too",
		}
	}
	return nil
}

// Missing is the problem of a permanent slot that does not exist any more. err is the server's error; nil: there is none.
func Missing(slot string, err error) *capture.Problem {
	return &capture.Problem{
		State: "slot_missing", Halted: true, Usage: true, Err: err,
		Reason: fmt.Sprintf("slot %s does not exist any more", slot),
		Fix:    "changes since it was dropped are lost: `tailrace drop -pipeline P FILE`, then start again with a snapshot",
	}
}
