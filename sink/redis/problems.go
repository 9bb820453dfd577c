package redis

import (
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache/protocol"
	"github.com/tailrace/tailrace/capture"
)

// keyShared is the state of two pipelines that invalidate one key.
const keyShared = "cache_key_shared"

// rights are what the sink's user needs besides the keys of the blocks and the control keys.
const rights = "+@read +@write +@scripting +@connection +time"

// problem names an error of Redis or of the source.
func (o *Options) problem(err error) *capture.Problem {
	if p := capture.AsProblem(err); p != nil {
		return p
	}
	var foreign *protocol.ForeignKeyError
	if errors.As(err, &foreign) {
		return &capture.Problem{
			State: "cache_key_shared", Halted: true, Usage: true, Err: err,
			Reason: "another pipeline invalidates keys of this sink, and their positions cannot be compared",
			Fix:    "begin the keys of each pipeline with a text of its own; the pipeline goes on a minute after the other one has let the key go",
		}
	}
	p := &capture.Problem{
		State: "redis_unreachable", Reason: "Redis does not answer", Err: err,
		Fix: "check that the server at url runs and can be reached; tailrace tries again by itself",
	}
	has := func(prefixes ...string) bool {
		for _, prefix := range prefixes {
			if goredis.HasErrorPrefix(err, prefix) || strings.HasPrefix(rootText(err), prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case has("NOAUTH", "WRONGPASS"):
		return &capture.Problem{
			State: "redis_denied", Halted: true, Usage: true, Reason: "authentication failed", Err: err,
			Fix: fmt.Sprintf("check the password of user %s; it is read again with each connection", o.user()),
		}
	case has("NOPERM"):
		return &capture.Problem{
			State: "redis_denied", Halted: true, Usage: true, Reason: "the user lacks a right", Err: err,
			Fix: fmt.Sprintf("ACL SETUSER %s ~* %s", o.user(), rights),
		}
	case has("READONLY"):
		return &capture.Problem{
			State: "redis_readonly", Reason: "the server is a replica, which takes no writes", Err: err,
			Fix: "let url name the master; a server that becomes one is used at once",
		}
	case has("OOM"):
		return o.fullProblem(err)
	case has("MISCONF", "NOREPLICAS"):
		return &capture.Problem{
			State: "redis_refuses_writes", Reason: "Redis refuses writes, since it cannot save or replicate them", Err: err,
			Fix: "free the server's disk, or bring its replicas back; otherwise: CONFIG SET stop-writes-on-bgsave-error no, CONFIG SET min-replicas-to-write 0",
		}
	case has("LOADING", "MASTERDOWN", "BUSY", "CLUSTERDOWN"):
		return &capture.Problem{
			State: "redis_starting", Reason: "Redis is loading its data, or a script keeps it busy", Err: err,
			Fix: "wait; SCRIPT KILL and FUNCTION KILL end a script",
		}
	}
	return p
}

// fullProblem is the state of a Redis without memory. Keys are invalidated, and nothing is stored.
func (o *Options) fullProblem(err error) *capture.Problem {
	return &capture.Problem{
		State: "redis_full", Err: err,
		Reason: "Redis has reached maxmemory and evicts nothing: keys are invalidated, and values are not refreshed",
		Fix:    "CONFIG SET maxmemory-policy volatile-lru",
	}
}

func (o *Options) user() string {
	if o.User == "" {
		return "default"
	}
	return o.User
}

// rootText returns the text of the innermost error: go-redis wraps what a server answers while a connection is made.
func rootText(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// invisible is the state of a source whose commits other sessions do not see for long.
func invisible() *capture.Problem {
	return &capture.Problem{
		State:  "commits_invisible",
		Reason: "the source does not show its commits to other sessions: a synchronous standby is away, so the slot keeps the log",
		Fix:    "bring the standby of synchronous_standby_names back, or change that setting",
	}
}
