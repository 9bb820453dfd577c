package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// conflict is a change that the target's rows or constraints do not let through.
type conflict struct {
	plan   *plan           // nil: a deferred constraint, at the end of a transaction
	change *capture.Change // nil with plan
	rows   int64           // how many rows the statement hit, when err is nil
	err    *pgconn.PgError
}

// Error is the reason.
func (c *conflict) Error() string { return c.problem().Error() }

// Unwrap is the server's error, if there is one.
func (c *conflict) Unwrap() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

// problemOf finds the conflict or the problem in err, as a problem; nil when there is none.
func problemOf(err error) *capture.Problem {
	var c *conflict
	if errors.As(err, &c) {
		return c.problem()
	}
	return capture.AsProblem(err)
}

// problem is the named state of a conflict: what was to be done, what is in the way, and the SQL that helps.
func (c *conflict) problem() *capture.Problem {
	what := "a transaction"
	if c.plan != nil {
		what = fmt.Sprintf("%s of %s%s at %s", c.change.Op, c.plan.table, c.keyText(), c.change.At())
	}
	code := ""
	if c.err != nil {
		code = c.err.Code
	}
	switch code {
	case "":
		return c.missing(what)
	case "23505":
		return &capture.Problem{
			State: "conflict_unique", Halted: true, Usage: true, Err: c.err,
			Reason: fmt.Sprintf("%s: a row of the target has the value of %s already", what, c.constraint()),
			Fix:    "look at the row that is there, and delete it:\n" + c.selectSQL() + "or set on_conflict = \"source_wins\"",
		}
	case "23503":
		return &capture.Problem{
			State: "conflict_foreign_key", Halted: true, Usage: true, Err: c.err,
			Reason: fmt.Sprintf("%s: foreign key %s of the target does not hold", what, c.constraint()),
			Fix:    c.dropSQL() + "or set constraints = \"deferred\", or \"off\" where the role may",
		}
	case "23514", "44000", "23502", "23P01":
		return &capture.Problem{
			State: "conflict_check", Halted: true, Usage: true, Err: c.err,
			Reason: fmt.Sprintf("%s: %s of the target does not let the row in", what, c.constraint()),
			Fix:    c.dropSQL() + "or set on_conflict = \"park\"",
		}
	}
	return &capture.Problem{
		State: "conflict_refused", Halted: true, Usage: true, Err: c.err,
		Reason: fmt.Sprintf("%s: the target does not take it", what),
		Fix:    "a trigger, a type or another table's foreign key is in the way: change that; or set on_conflict = \"park\"",
	}
}

// missing is the state of a statement that did not find its one row.
func (c *conflict) missing(what string) *capture.Problem {
	if c.rows > 1 {
		return &capture.Problem{
			State: "conflict_ambiguous", Halted: true, Usage: true,
			Reason: fmt.Sprintf("%s: %d rows of the target have that key", what, c.rows),
			Fix:    "leave one of them, and make the key unique:\n" + c.selectSQL(),
		}
	}
	reason := "the target has no such row"
	if c.plan.full {
		reason += ", or it was changed there"
	}
	return &capture.Problem{
		State: "conflict_missing_row", Halted: true, Usage: true, Reason: what + ": " + reason,
		Fix: "put the row back as the source had it; look at what is there:\n" + c.selectSQL() + "or set on_conflict = \"source_wins\"",
	}
}

// constraint names what the server complains of.
func (c *conflict) constraint() string {
	switch {
	case c.err.ConstraintName != "":
		return c.err.ConstraintName
	case c.err.ColumnName != "":
		return "column " + c.err.ColumnName
	}
	return "a constraint"
}

const maxKey = 100 // bytes of a key that are told

// keyText is " (id)=(7)".
func (c *conflict) keyText() string {
	if len(c.plan.key) == 0 || c.change.Op == capture.Truncate {
		return ""
	}
	values := make([]string, len(c.plan.key))
	for n, i := range c.plan.key {
		values[n] = old(c.change)[i].String()
	}
	key := strings.Join(values, ", ")
	return fmt.Sprintf(" (%s)=(%s)", strings.ReplaceAll(c.plan.columns(c.plan.key), `"`, ""), key[:min(len(key), maxKey)])
}

// selectSQL shows the rows with the key.
func (c *conflict) selectSQL() string {
	if c.plan == nil || len(c.plan.key) == 0 || c.change.Op == capture.Truncate {
		return ""
	}
	conditions := make([]string, len(c.plan.key))
	for n, i := range c.plan.key {
		conditions[n] = c.plan.column(i) + " = " + literal(old(c.change)[i].String())
	}
	return "SELECT * FROM " + c.plan.name + " WHERE " + strings.Join(conditions, " AND ") + ";\n"
}

func (c *conflict) dropSQL() string {
	if c.plan == nil || c.err.ConstraintName == "" {
		return ""
	}
	return "ALTER TABLE " + c.plan.name + " DROP CONSTRAINT " + ident(c.err.ConstraintName) + ";\n"
}
