package postgres

import (
	"context"
	"fmt"
	"maps"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// copied are the tables of the first copy at hand of which rows have come.
type copied struct {
	lsn    capture.LSN
	tables map[string]bool
}

// begun says whether the rows of a table have begun to come, and notes that they have.
func (k *copied) begun(p *plan, lsn capture.LSN) bool {
	if k.lsn != lsn || k.tables == nil {
		*k = copied{lsn: lsn, tables: map[string]bool{}}
	}
	if k.tables[p.name] {
		return true
	}
	k.tables[p.name] = true
	return false
}

// knows says whether a change needs no look at its table before it.
func (k *copied) knows(p *plan, c *capture.Change) bool {
	return c.Op != capture.Read || k.lsn == c.Tx.LSN && k.tables[p.name]
}

// clone is for going back to.
func (k *copied) clone() copied { return copied{lsn: k.lsn, tables: maps.Clone(k.tables)} }

// clear makes room for the rows of a first copy, within the transaction that is open. Rows that an earlier attempt of ours
// left are replaced: the copy has all that there are, and nobody tells of those that were deleted in between. Rows of
// somebody else's halt the lane, unless the source wins: then the table is one that we did not fill before.
func (a *applier) clear(ctx context.Context, p *plan, c *capture.Change) error {
	if c.Op != capture.Read || a.copied.begun(p, c.Tx.LSN) || p.rel.Empty {
		return nil
	}
	rows, err := a.db.rows(ctx, "SELECT EXISTS (SELECT FROM "+p.name+`), EXISTS (SELECT FROM tailrace.tables
		WHERE target_schema = $1 AND target_table = $2 AND pipeline = $3 AND sink = $4 AND created < pg_catalog.now())`,
		[]byte(p.rel.Schema), []byte(p.rel.Name), a.row.key[0], a.row.key[1])
	if err != nil {
		return named("look into "+p.name, err)
	}
	switch {
	case string(rows[0][0]) == "f" || a.options.OnConflict == SourceWins || a.options.KeepDeletes:
		return nil
	case string(rows[0][1]) == "f":
		return &capture.Problem{
			State: "target_not_empty", Halted: true, Usage: true,
			Reason: fmt.Sprintf("the rows of %s are to be copied, and %s has some already", p.table, p.name),
			Fix: fmt.Sprintf("empty it: TRUNCATE %s;\nor keep the first copy away: snapshot { mode = \"never\" }, before the first start;\n"+
				"or set on_conflict = \"source_wins\"", p.name),
		}
	}
	a.log.Warn("the rows of an earlier copy are replaced", zap.Stringer("table", p.table))
	if err := a.db.run(ctx, "DELETE FROM "+p.name); err != nil {
		return named("empty "+p.name, err)
	}
	return nil
}
