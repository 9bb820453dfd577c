package problem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Named adds the operation op, such as "start slot tailrace_shop", to an error, and replaces a server's error by its
// Problem, which depends on the SQLSTATE: texts differ between versions and languages. An error that already is a Problem,
// that was caused by the end of a context, or that has no state keeps its meaning. Named returns nil when err is nil.
func Named(op string, err error) error {
	if err == nil {
		return nil
	}
	if capture.AsProblem(err) == nil && !errors.Is(err, context.Canceled) {
		if p := OfServer(err); p != nil {
			err = p
		}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// OfServer returns the problem of an error that has the same meaning wherever it occurs; nil for any other error.
func OfServer(err error) *capture.Problem {
	if pgconnect.SQLState(err) == pgconnect.ObjectInUse {
		return &capture.Problem{State: "slot_active", Reason: "another process holds the slot", Err: err}
	}
	return pgconnect.Source.Problem(err)
}

// NamedRead is Named for an operation that reads rows: a value may be too large for the server to send.
func NamedRead(op string, err error) error {
	if tooLarge(err) {
		err = &capture.Problem{
			State: "value_too_large", Halted: true, Usage: true,
			Reason: "the server cannot send a value: its text form is too large", Err: err,
			Fix: "leave the column out: columns = [...] in the table's block, then drop the slot and start from scratch",
		}
	}
	return Named(op, err)
}

// tooLarge distinguishes the walsender's palloc failure from other internal errors. The text is never translated: it is an
// elog.
func tooLarge(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == pgconnect.InternalError || e.Code == pgconnect.ProgramLimitExceeded) && (strings.Contains(e.Message, "invalid memory alloc request size") ||
		strings.Contains(e.Message, "out of memory") || strings.Contains(e.Message, "enlarge string buffer"))
}

// Refusal returns a problem that only the user can solve. The fix is SQL that can be run as it stands, with the rest in
// comments; or plain text where no SQL helps.
func Refusal(state, reason, fix string) *capture.Problem {
	sql := slices.ContainsFunc(strings.Split(fix, "\n"), func(l string) bool { return !strings.HasPrefix(l, "-- ") })
	if !sql {
		fix = strings.ReplaceAll("\n"+fix, "\n-- ", "\n")[1:]
	}
	return &capture.Problem{State: state, Halted: true, Usage: true, Reason: reason, Fix: fix}
}

// Together combines several errors: the state is that of the first, the text contains all of them.
func Together(errs []error) error {
	first := capture.AsProblem(errs[0])
	if first == nil || len(errs) == 1 {
		return errs[0]
	}
	p := *first
	for _, err := range errs[1:] {
		p.Reason += "; " + err.Error()
		if next := capture.AsProblem(err); next != nil && next.Fix != "" && next.Fix != p.Fix {
			p.Fix += "\n" + next.Fix
		}
	}
	return &p
}
