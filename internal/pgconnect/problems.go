package pgconnect

import (
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// Side is the role of a server in a pipeline, with the wording of its problems.
type Side struct {
	server string // name of the server in reasons
	role   string // reason of a missing privilege
	block  string // type of the block in the configuration file
	limits string // settings that limit connections
	states sideStates
	hba    string // what to add about pg_hba.conf
}

// sideStates are the named states whose names contain the side.
type sideStates struct{ starting, unreachable, busy, diskFull string }

// Source and Target are the sides.
var (
	Source = Side{
		server: "the server", role: "the role may not do this", block: "source",
		limits: "max_connections, max_wal_senders",
		states: sideStates{
			starting: "source_starting", unreachable: "source_unreachable", busy: "source_busy", diskFull: "source_disk_full",
		},
		hba: "\n(for replication it is the database's line, not the keyword \"replication\")",
	}
	Target = Side{
		server: "the target's server", role: "the sink's role may not do this in the target", block: "sink",
		limits: "max_connections",
		states: sideStates{
			starting: "target_starting", unreachable: "target_unreachable", busy: "target_busy", diskFull: "target_disk_full",
		},
	}
)

// Problem returns the problem for a network failure, or for an SQLSTATE that has the same meaning wherever it occurs. It returns
// nil for any other error. It ignores the message, which differs between versions and languages.
func (s Side) Problem(err error) *capture.Problem {
	p := s.problem(err)
	if p != nil {
		p.Err = err
	}
	return p
}

func (s Side) problem(err error) *capture.Problem {
	code := SQLState(err)
	switch code {
	case InvalidPassword, InvalidAuthorization:
		return &capture.Problem{
			State: "authentication_failed", Halted: true, Usage: true, Reason: "authentication failed for this role",
			Fix: fmt.Sprintf("check user and password of the %s; pg_hba.conf needs a line for this role, database and host%s", s.block, s.hba),
		}
	case InvalidCatalogName:
		return &capture.Problem{
			State: "database_missing", Halted: true, Usage: true, Reason: "the database in url does not exist",
			Fix: "correct the database in url, or create it",
		}
	case InsufficientPrivilege:
		return &capture.Problem{
			State: "permission_denied", Halted: true, Usage: true, Reason: s.role,
			Fix: "`tailrace check` lists what the role needs, with the SQL",
		}
	case TooManyConnections:
		return &capture.Problem{
			State: "too_many_connections", Reason: s.server + " has no connection left for this role",
			Fix: "raise " + s.limits + " or the role's connection limit",
		}
	case ConfigurationLimitExceeded:
		return &capture.Problem{
			State: "server_limit", Halted: true, Usage: true, Reason: s.server + " refused a statement that exceeds a limit of its configuration",
			Fix: "raise the setting that the server's message names, such as temp_file_limit, for the role or the server",
		}
	case CannotConnectNow:
		return &capture.Problem{State: s.states.starting, Reason: s.server + " is starting up, recovering or shutting down"}
	case AdminShutdown, CrashShutdown:
		return &capture.Problem{State: s.states.unreachable, Reason: s.server + " ended the connection"}
	case LockNotAvailable, QueryCanceled:
		return &capture.Problem{State: s.states.busy, Reason: s.server + " took too long over a lock or an answer"}
	case DiskFull:
		return &capture.Problem{State: s.states.diskFull, Reason: "the disk of " + s.server + " is full"}
	}
	if strings.HasPrefix(code, ConnectionException) || code == "" && Broken(err) {
		return s.Unreachable(err)
	}
	return nil
}

// Unreachable returns the problem for a server that cannot be reached.
func (s Side) Unreachable(err error) *capture.Problem {
	return &capture.Problem{State: s.states.unreachable, Reason: s.server + " cannot be reached", Err: err}
}
