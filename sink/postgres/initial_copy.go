package postgres

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/queue"
)

// initialCopy are the tables of the first copy at hand of which rows have come.
type initialCopy struct {
	lsn    capture.LSN
	tables map[string]bool
}

// begin reports whether the rows of a table have begun to come, and notes that they have.
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

// begun reports whether a change needs no look at its table before it.
func (k *initialCopy) begun(p *dml.Plan, c *capture.Change) bool {
	return c.Op != capture.Read || k.lsn == c.Tx.LSN && k.tables[p.Name]
}

// clone is for going back to.
func (k *initialCopy) clone() initialCopy {
	return initialCopy{lsn: k.lsn, tables: maps.Clone(k.tables)}
}

// prepareCopy makes room for the rows of a first copy, within the transaction that is open. Rows that an earlier attempt of ours
// left are replaced. Rows of somebody else's halt the lane, unless the source wins: then the table is one that we did not
// fill before.
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

// applyEmptySnapshot is one attempt to write a group that ends with a first copy without rows: all tables are empty in the source by
// now. What stands before it in the group is older than the copy.
func (a *applier) applyEmptySnapshot(ctx context.Context, g *queue.Group) error {
	return a.applyInTx(ctx, g, func() error {
		if err := a.serial(ctx, g.Changes); err != nil {
			return err
		}
		return a.deleteEarlierCopy(ctx)
	})
}

// deleteEarlierCopy empties what earlier attempts of a first copy have filled, when the first row comes: the copy has all that there
// are, nobody tells of those that were deleted in between, and of a table that is empty by now no row comes (see emptied). It is one
// statement, so that foreign keys between the tables do not matter.
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
