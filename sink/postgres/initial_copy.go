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
	rows, err := a.db.Query(ctx, "SELECT EXISTS (SELECT FROM "+p.Name+")")
	if err != nil {
		return named("look into "+p.Name, err)
	}
	if string(rows[0][0]) == "f" {
		return nil
	}
	return &capture.Problem{
		State: "target_not_empty", Halted: true, Usage: true,
		Reason: fmt.Sprintf("the rows of %s are to be copied, and %s has some already", p.Table, p.Name),
		Fix: fmt.Sprintf("empty it: TRUNCATE %s;\nor keep the copy away: snapshot { mode = \"never\" } before the first start, start = \"now\" in the sink's block after it;\n"+
			"or set on_conflict = \"source_wins\"", p.Name),
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
