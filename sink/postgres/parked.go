package postgres

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// parked is the rows that have changes in tailrace.parked. Later changes of such a row are parked, too, or the row would get
// values that it never had in the source.
type parked struct {
	keys  map[string]bool
	added []string // in the open transaction
}

// loadParked reads which rows have parked changes.
func (a *applier) loadParked(ctx context.Context) error {
	a.parked.keys = map[string]bool{}
	if a.options.OnConflict != Park {
		return nil
	}
	rows, err := a.db.Query(ctx, `SELECT target_schema, target_table, k FROM tailrace.parked, LATERAL (VALUES (key), (new_key)) x (k)
		WHERE pipeline = $1 AND sink = $2 AND lane = $3 AND k IS NOT NULL`, a.row.key[:3]...)
	if err != nil {
		return named("read tailrace.parked", err)
	}
	for _, r := range rows {
		a.parked.keys[parkedKey(pgconnect.Ident(string(r[0]), string(r[1])), string(r[2]))] = true
	}
	return nil
}

func parkedKey(table, key string) string { return table + "\x00" + key }

// isParked reports whether a change concerns a row with parked changes.
func (a *applier) isParked(p *dml.Plan, c *capture.Change) bool {
	if len(a.parked.keys) == 0 {
		return false
	}
	key, next := p.Keys(c)
	return a.parked.keys[parkedKey(p.Name, key)] || next != "" && a.parked.keys[parkedKey(p.Name, next)]
}

// parkFollowing parks a change of a row that has parked changes. It reads tailrace.parked again, because they may have been
// replayed.
func (a *applier) parkFollowing(ctx context.Context, c *capture.Change) (bool, error) {
	if c.Op == capture.Truncate {
		return false, nil
	}
	p := a.plans[c.Table]
	if !a.isParked(p, c) {
		return false, nil
	}
	key, next := p.Keys(c)
	for _, k := range []string{key, next} {
		rows, err := a.db.Query(ctx, `SELECT EXISTS (SELECT FROM tailrace.parked WHERE pipeline = $1 AND sink = $2 AND lane = $3
			AND target_schema = $4 AND target_table = $5 AND $6 IN (key, new_key))`,
			append(a.row.key[:3:3], []byte(p.Rel.Schema), []byte(p.Rel.Name), []byte(k))...)
		if err != nil {
			return false, named("read tailrace.parked", err)
		}
		if string(rows[0][0]) == "t" {
			return true, a.park(ctx, p, c, parkedReason{reason: "follows", message: "an earlier change of the row is parked"})
		}
		delete(a.parked.keys, parkedKey(p.Name, k))
	}
	return false, nil
}

// parkedReason tells why a change is parked.
type parkedReason struct{ reason, sqlstate, constraint, message string }

func (a *applier) parkAll(ctx context.Context, changes []*capture.Change, why *conflict) error {
	problem := why.problem()
	r := parkedReason{reason: problem.State, message: problem.Error()}
	if why.err != nil {
		r.sqlstate, r.constraint = why.err.Code, why.err.ConstraintName
	}
	for _, c := range changes {
		if err := a.park(ctx, a.plans[c.Table], c, r); err != nil {
			return err
		}
	}
	return nil
}

// park writes a change into tailrace.parked instead of its table, in the open transaction.
func (a *applier) park(ctx context.Context, p *dml.Plan, c *capture.Change, why parkedReason) error {
	key, next := p.Keys(c)
	_, err := a.db.Query(ctx, `INSERT INTO tailrace.parked (pipeline, sink, lane, position, seq, committed, source_schema, source_table,
		target_schema, target_table, op, key, new_key, before, after, reason, sqlstate, constraint_name, message)
		VALUES ($1, $2, $3, $4::pg_catalog.pg_lsn, $5::pg_catalog.int8, $6::pg_catalog.timestamptz, $7, $8, $9, $10, $11, $12, $13,
		$14::pg_catalog.jsonb, $15::pg_catalog.jsonb, $16, $17, $18, $19)`,
		append(a.row.key[:3:3], c.Tx.LSN.Append(nil), dml.JSON(c.Seq), []byte(c.Tx.Time.Format(time.RFC3339Nano)),
			[]byte(c.Table.Schema), []byte(c.Table.Name), []byte(p.Rel.Schema), []byte(p.Rel.Name), []byte(c.Op.String()),
			orNull(key), orNull(next), imageJSON(c.Table, c.Before), imageJSON(c.Table, c.After),
			[]byte(why.reason), orNull(why.sqlstate), orNull(why.constraint), []byte(why.message))...)
	if err != nil {
		return named("park a change", err)
	}
	for _, k := range []string{key, next} {
		if k = parkedKey(p.Name, k); !a.parked.keys[k] && k != parkedKey(p.Name, "") {
			a.parked.keys[k] = true
			a.parked.added = append(a.parked.added, k)
		}
	}
	return nil
}

// imageJSON encodes a row as a JSON object of texts and nulls, without the columns whose values are unknown. nil stays nil.
func imageJSON(t *capture.Table, row []capture.Value) []byte {
	if row == nil {
		return nil
	}
	object := map[string]*string{}
	for i, v := range row {
		switch v.Kind {
		case capture.Null:
			object[t.Columns[i].Name] = nil
		case capture.Text:
			s := v.String()
			object[t.Columns[i].Name] = &s
		}
	}
	return dml.JSON(object)
}

func orNull(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
