package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// conflict is the error of a change that rows or constraints of the target reject.
type conflict struct {
	plan   *dml.Plan       // nil for a deferred constraint at the end of a transaction
	change *capture.Change // nil when plan is
	rows   int64           // affected by the statement, when err is nil
	err    *pgconn.PgError
	unique []int  // the columns of the violated unique constraint, where they are known
	kind   string // of that constraint: "p" or "u", "" for a mere index, "deferrable" for a constraint that is
}

// Error implements error.
func (c *conflict) Error() string { return c.problem().Error() }

// Unwrap returns the server's error, if there is one.
func (c *conflict) Unwrap() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

// problemOf returns the conflict or problem in err as a problem, or nil.
func problemOf(err error) *capture.Problem {
	var c *conflict
	if errors.As(err, &c) {
		return c.problem()
	}
	return capture.AsProblem(err)
}

// problem returns the named state of a conflict: the change, the reason, and the SQL of a fix.
func (c *conflict) problem() *capture.Problem {
	what := "a transaction"
	if c.plan != nil {
		what = fmt.Sprintf("%s of %s%s at %s", c.change.Op, c.plan.Table, c.keyText(), c.change.At())
	}
	code := ""
	if c.err != nil {
		code = c.err.Code
	}
	switch code {
	case "":
		return c.missing(what)
	case pgconnect.UniqueViolation:
		return &capture.Problem{
			State: "conflict_unique", Halted: true, Usage: true, Err: c.err,
			Reason: fmt.Sprintf("%s: a row of the target has the value of %s already%s", what, c.constraint(), c.atEnd()),
			Fix:    c.deferSQL() + "look at the row that is there, and delete it:\n" + c.selectSQL() + "or set on_conflict = \"source_wins\"",
		}
	case pgconnect.ForeignKeyViolation:
		return &capture.Problem{
			State: "conflict_foreign_key", Halted: true, Usage: true, Err: c.err,
			Reason: fmt.Sprintf("%s: foreign key %s of the target does not hold%s", what, c.constraint(), c.atEnd()),
			Fix:    cmp.Or(c.dropSQL(), "drop it, ") + "or set constraints = \"deferred\", or \"off\" where the role may",
		}
	case pgconnect.CheckViolation, pgconnect.WithCheckOptionViolation, pgconnect.NotNullViolation, pgconnect.ExclusionViolation:
		return &capture.Problem{
			State: "conflict_check", Halted: true, Usage: true, Err: c.err,
			Reason: fmt.Sprintf("%s: %s of the target does not let the row in%s", what, c.constraint(), c.atEnd()),
			Fix:    cmp.Or(c.dropSQL(), "let the target take it, ") + "or set on_conflict = \"park\"",
		}
	}
	return &capture.Problem{
		State: "conflict_refused", Halted: true, Usage: true, Err: c.err,
		Reason: fmt.Sprintf("%s: the target does not take it%s", what, c.atEnd()),
		Fix:    "a trigger, a type or another table's foreign key is in the way: change that; or set on_conflict = \"park\"",
	}
}

// missing returns the state of a statement that did not affect exactly one row.
func (c *conflict) missing(what string) *capture.Problem {
	if c.rows > 1 {
		return &capture.Problem{
			State: "conflict_ambiguous", Halted: true, Usage: true,
			Reason: fmt.Sprintf("%s: %d rows of the target have that key", what, c.rows),
			Fix:    "leave one of them, and make the key unique:\n" + c.selectSQL(),
		}
	}
	reason := "the target has no such row"
	if c.plan.FullIdentity {
		reason += ", or it was changed there"
	}
	return &capture.Problem{
		State: "conflict_missing_row", Halted: true, Usage: true, Reason: what + ": " + reason,
		Fix: "put the row back as the source had it; look at what is there:\n" + c.selectSQL() +
			"or set on_conflict = \"source_wins\", and restart. Where rows were never copied (their table was added to a running pipeline,\n" +
			"or the pipeline was accepted without them), then `tailrace verify -table " + capture.ShellWord(c.plan.Table.String()) +
			" -repair FILE` copies them;\nset on_conflict back afterwards",
	}
}

// constraint names the constraint or column that is violated.
func (c *conflict) constraint() string {
	switch {
	case c.err.ConstraintName != "":
		return c.err.ConstraintName
	case c.err.ColumnName != "":
		return "column " + c.err.ColumnName
	}
	return "a constraint"
}

const maxKey = 100 // bytes of a key in a message

// keyText returns the key of the change, as " (id)=(7)".
func (c *conflict) keyText() string {
	if len(c.plan.Key) == 0 || c.change.Op == capture.Truncate {
		return ""
	}
	values := make([]string, len(c.plan.Key))
	for n, i := range c.plan.Key {
		values[n] = dml.OldRow(c.change)[i].String()
	}
	key := strings.Join(values, ", ")
	return fmt.Sprintf(" (%s)=(%s)", strings.ReplaceAll(c.plan.Columns(c.plan.Key), `"`, ""), key[:min(len(key), maxKey)])
}

// atEnd explains a violation at the end of a transaction whose change is unknown, with the server's own message.
func (c *conflict) atEnd() string {
	if c.plan != nil {
		return ""
	}
	return " at its end, and which change that is cannot be told, as the transaction is larger than memory or the constraint " +
		"no unique or foreign key: " + cmp.Or(c.err.Detail, c.err.Message)
}

// selectSQL returns a query for the rows with the key, or with the values that violate a unique constraint.
func (c *conflict) selectSQL() string {
	if c.plan == nil || c.change.Op == capture.Truncate {
		return ""
	}
	columns, row := c.plan.Key, dml.OldRow(c.change)
	if len(c.unique) > 0 {
		columns, row = c.unique, c.change.After
	}
	if len(columns) == 0 {
		return ""
	}
	conditions := make([]string, len(columns))
	for n, i := range columns {
		conditions[n] = c.plan.Column(i) + " = " + pgconnect.Literal(row[i].String())
	}
	return "SELECT * FROM " + c.plan.Name + " WHERE " + strings.Join(conditions, " AND ") + ";\n"
}

// dropSQL returns the statement that drops the constraint, which may belong to another table.
func (c *conflict) dropSQL() string {
	alter := "ALTER TABLE " + pgconnect.Ident(c.err.SchemaName, c.err.TableName)
	switch {
	case c.err.TableName == "":
		return ""
	case c.err.Code == pgconnect.NotNullViolation:
		return alter + " ALTER COLUMN " + pgconnect.Ident(c.err.ColumnName) + " DROP NOT NULL;\n"
	case c.err.ConstraintName == "":
		return ""
	}
	return alter + " DROP CONSTRAINT " + pgconnect.Ident(c.err.ConstraintName) + ";\n"
}

// deferSQL returns the fix for a constraint that is deferrable in the source and not in the target.
func (c *conflict) deferSQL() string {
	if c.plan == nil || c.kind == "deferrable" || c.plan.OnConflict != "" || !c.plan.Table.Exchanges(c.unique) {
		return ""
	}
	name, what, sql := pgconnect.Ident(c.err.ConstraintName), "UNIQUE", "ALTER TABLE "+c.plan.Name+" DROP CONSTRAINT "+pgconnect.Ident(c.err.ConstraintName)+","
	switch c.kind {
	case "p":
		what = "PRIMARY KEY"
	case "":
		sql = "DROP INDEX " + pgconnect.Ident(c.err.SchemaName, c.err.ConstraintName) + ";\nALTER TABLE " + c.plan.Name
	}
	return "rows of the source may exchange these values within a transaction: let the target do so, too, and the conflict may be none:\n" +
		sql + " ADD CONSTRAINT " + name + " " + what + " (" + c.plan.Columns(c.unique) + ") DEFERRABLE INITIALLY DEFERRED;\n"
}

const kindQuery = `
SELECT CASE WHEN k.condeferrable THEN 'deferrable' ELSE k.contype::pg_catalog.text END
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class t ON t.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = $1 AND t.relname = $2 AND k.conname = $3`

func (a *applier) readConstraintKind(ctx context.Context, c *conflict) error {
	kind, err := a.db.Query(ctx, kindQuery, []byte(c.err.SchemaName), []byte(c.err.TableName), []byte(c.err.ConstraintName))
	if err == nil && len(kind) == 1 {
		c.kind = string(kind[0][0])
	}
	return named("look for constraint "+c.err.ConstraintName, err)
}

// describeConflict adds to a conflict the columns and kind of its constraint, after the transaction is rolled back.
func (a *applier) describeConflict(ctx context.Context, err error) error {
	var c *conflict
	if !errors.As(err, &c) || c.change == nil || c.err == nil || c.err.Code != pgconnect.UniqueViolation || c.change.After == nil {
		return err
	}
	columns, failed := a.uniqueColumns(ctx, c)
	if failed == nil {
		failed = a.readConstraintKind(ctx, c)
	}
	if failed == nil { // otherwise the message has less detail
		c.unique = columns
	}
	return err
}

// uniqueColumns returns the columns of the violated unique index, as indexes into the row. An index with expressions or a
// predicate stays a conflict, because the other row is unknown.
func (a *applier) uniqueColumns(ctx context.Context, c *conflict) (columns []int, err error) {
	rows, err := a.db.Query(ctx, `SELECT a.attname FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class k ON k.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
		JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
		WHERE k.relname = $1 AND n.nspname = $2 AND i.indpred IS NULL AND i.indexprs IS NULL`,
		[]byte(c.err.ConstraintName), []byte(c.err.SchemaName))
	if err != nil {
		return nil, named("look for index "+c.err.ConstraintName, err)
	}
	for _, r := range rows {
		i := c.plan.Table.Column(string(r[0]))
		if i < 0 || !dml.Given(c.change.After[i]) {
			return nil, c
		}
		columns = append(columns, i)
	}
	if len(columns) == 0 {
		return nil, c
	}
	return columns, nil
}
