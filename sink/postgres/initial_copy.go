package postgres

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// initialCopy has the tables of the current initial copy whose rows have begun to arrive.
type initialCopy struct {
	lsn    capture.LSN
	tables map[string]bool
}

// begin records that rows of a table arrive, and reports whether they had begun to before.
func (k *initialCopy) begin(p *dml.Plan, lsn capture.LSN) bool {
	if k.lsn != lsn || k.tables == nil {
		*k = initialCopy{lsn: lsn, tables: map[string]bool{}}
	}
	if k.tables[p.Name] {
		return true
	}
	k.tables[p.Name] = true
	return false
}

// begun reports whether a change can be written without prepareCopy.
func (k *initialCopy) begun(p *dml.Plan, c *capture.Change) bool {
	return c.Op != capture.Read || k.lsn == c.Tx.LSN && k.tables[p.Name]
}

// clone copies the state, for a savepoint.
func (k *initialCopy) clone() initialCopy {
	return initialCopy{lsn: k.lsn, tables: maps.Clone(k.tables)}
}

// prepareCopy prepares a table for the rows of an initial copy, in the open transaction. Rows of an earlier attempt are deleted.
// Other rows halt the sink, unless on_conflict is source_wins.
func (a *applier) prepareCopy(ctx context.Context, p *dml.Plan, c *capture.Change) error {
	if c.Op != capture.Read {
		return nil
	}
	if a.initialCopy.lsn != c.Tx.LSN || a.initialCopy.tables == nil {
		if err := a.deleteEarlierCopy(ctx); err != nil {
			return err
		}
	}
	if a.initialCopy.begin(p, c.Tx.LSN) || p.Rel.Empty || a.options.OnConflict == SourceWins || a.options.KeepDeletes {
		return nil
	}
	filled, err := a.filled(ctx, []*dml.Plan{p})
	if err != nil || len(filled) == 0 {
		return err
	}
	others, err := a.filled(ctx, a.expected())
	if err != nil {
		return err
	}
	return notEmpty(append(filled, others...))
}

// expected returns the plans of the tables that this transaction has found, whose rows of the copy have not begun to arrive.
func (a *applier) expected() (plans []*dml.Plan) {
	for _, t := range a.newTables {
		if p := a.plans[t]; p != nil && !p.Rel.Empty && !a.initialCopy.tables[p.Name] {
			plans = append(plans, p)
		}
	}
	return plans
}

// filled returns those of the tables that have rows.
func (a *applier) filled(ctx context.Context, plans []*dml.Plan) (filled []*dml.Plan, err error) {
	if len(plans) == 0 {
		return nil, nil
	}
	var questions []string
	for _, p := range plans {
		questions = append(questions, "SELECT EXISTS (SELECT FROM "+p.Name+")")
	}
	rows, err := a.db.Query(ctx, strings.Join(questions, " UNION ALL "))
	if err != nil {
		return nil, named("look into "+plans[0].Name+" and others", err)
	}
	for i, r := range rows {
		if string(r[0]) == "t" {
			filled = append(filled, plans[i])
		}
	}
	return filled, nil
}

// mostNamed is the number of tables that the reason of target_not_empty names. The fix names all.
const mostNamed = 10

// notEmpty returns the problem that tables which rows are to be copied into have some already. One fix names them all, because the
// sink looks for a followed fix only every few seconds.
func notEmpty(plans []*dml.Plan) *capture.Problem {
	var sources, targets []string
	for _, p := range plans {
		sources, targets = append(sources, p.Table.String()), append(targets, p.Name)
	}
	more, empty := "", "empty it"
	if len(plans) > 1 {
		empty = "empty them"
	}
	if n := len(plans) - mostNamed; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	shown := min(len(plans), mostNamed)
	return &capture.Problem{
		State: "target_not_empty", Halted: true, Usage: true,
		Reason: fmt.Sprintf("the rows of %s%s are to be copied, and the target has some already: in %s%s", strings.Join(sources[:shown], ", "), more,
			strings.Join(targets[:shown], ", "), more),
		Fix: fmt.Sprintf("%s: TRUNCATE %s;\nor keep the copy away: snapshot { mode = \"never\" } before the first start, start = \"now\" in the sink's block after it;\n"+
			"or set on_conflict = \"source_wins\"", empty, strings.Join(targets, ", ")),
	}
}

// deleteEarlierCopy empties the tables that earlier attempts of an initial copy have filled, before its first row: rows that were
// deleted in the source since then would stay. It uses one statement, so that foreign keys between the tables do not matter.
func (a *applier) deleteEarlierCopy(ctx context.Context) error {
	if a.options.OnConflict == SourceWins || a.options.KeepDeletes {
		return nil
	}
	rows, err := a.db.Query(ctx, `SELECT pg_catalog.format('%I.%I', target_schema, target_table) FROM tailrace.tables
		WHERE pipeline = $1 AND sink = $2 AND created < pg_catalog.now()
		AND pg_catalog.to_regclass(pg_catalog.format('%I.%I', target_schema, target_table)) IS NOT NULL`, a.row.key[0], a.row.key[1])
	if err != nil {
		return named("look for the tables of an earlier copy", err)
	}
	var deletes []string
	for i, r := range rows {
		a.log.Warn("the rows of an earlier copy are replaced", zap.ByteString("table", r[0]))
		deletes = append(deletes, fmt.Sprintf("d%d AS (DELETE FROM %s)", i, r[0]))
	}
	if len(deletes) == 0 {
		return nil
	}
	return named("empty the tables of an earlier copy", a.db.Run(ctx, "WITH "+strings.Join(deletes, ", ")+" SELECT"))
}
