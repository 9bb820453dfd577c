package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
	"github.com/tailrace/tailrace/sink/postgres/target"
)

// Replayed is the result of Replay.
type Replayed struct {
	Applied int      // changes that were written and removed from tailrace.parked
	Waiting int      // changes that are still parked
	Reasons []string // one per row that still conflicts
}

// Replay writes the parked changes in order, and removes each from tailrace.parked in the same transaction. A change that still
// conflicts stays parked, and so do later changes of its row. Replay may run while the daemon does: changes that are parked
// meanwhile are replayed, too, or the next time.
func (s *Settings) Replay(ctx context.Context, pipeline, name string) (Replayed, error) {
	k := s.make(pipeline, name, zap.NewNop())
	db, err := k.connect(ctx)
	if err != nil {
		return Replayed{}, err
	}
	defer db.Close()
	r := &replay{applier: newApplier(k, db, nil, nil), sink: [][]byte{[]byte(pipeline), []byte(name)}}
	return r.run(ctx)
}

// replay is one call of Replay.
type replay struct {
	applier *applier
	sink    [][]byte // pipeline and name
	done    Replayed
}

// waiting is a row of tailrace.parked.
type waiting struct {
	ID                        int64
	Schema, Table, Op         string
	Key, NewKey               *string
	Before, After             map[string]*string
	SourceSchema, SourceTable string
	Position                  capture.LSN
	Seq                       uint64
}

const waitingQuery = `
SELECT pg_catalog.json_build_object('ID', id, 'Schema', target_schema, 'Table', target_table, 'Op', op, 'Key', key, 'NewKey', new_key,
  'Before', before, 'After', after, 'SourceSchema', source_schema, 'SourceTable', source_table, 'Position', position, 'Seq', seq)
FROM tailrace.parked WHERE pipeline = $1 AND sink = $2 ORDER BY id`

// run tries all parked changes until no more can be written.
func (r *replay) run(ctx context.Context) (Replayed, error) {
	there, err := r.applier.db.Query(ctx, "SELECT pg_catalog.to_regclass('tailrace.parked') IS NOT NULL")
	if err != nil || string(there[0][0]) != "t" {
		return r.done, named("look for tailrace.parked", err)
	}
	for before := -1; before != r.done.Applied; {
		before = r.done.Applied
		rows, err := r.applier.db.Query(ctx, waitingQuery, r.sink...)
		if err != nil {
			return r.done, named("read tailrace.parked", err)
		}
		r.done.Waiting, r.done.Reasons = 0, nil
		stuck := map[string]bool{}
		for _, row := range rows {
			var w waiting
			if err := json.Unmarshal(row[0], &w); err != nil {
				return r.done, fmt.Errorf("read tailrace.parked: %w", err)
			}
			if err := r.next(ctx, &w, stuck); err != nil {
				return r.done, err
			}
		}
	}
	return r.done, nil
}

// next writes one change, unless an earlier one of its row stays parked.
func (r *replay) next(ctx context.Context, w *waiting, stuck map[string]bool) error {
	keys := w.keys()
	for _, k := range keys {
		if stuck[k] {
			r.done.Waiting++
			for _, k := range keys {
				stuck[k] = true
			}
			return nil
		}
	}
	written, err := r.write(ctx, w)
	if err == nil && written {
		r.done.Applied++
	}
	var c *conflict
	if !errors.As(err, &c) {
		return err
	}
	r.done.Waiting++
	r.done.Reasons = append(r.done.Reasons, c.problem().Error())
	for _, k := range keys {
		stuck[k] = true
	}
	return nil
}

// keys returns the keys of the rows that a change concerns.
func (w *waiting) keys() (keys []string) {
	for _, k := range []*string{w.Key, w.NewKey} {
		if k != nil {
			keys = append(keys, parkedKey(pgconnect.Ident(w.Schema, w.Table), *k))
		}
	}
	return keys
}

// write writes one change in a transaction of its own. It returns false when the change is no longer parked.
func (r *replay) write(ctx context.Context, w *waiting) (bool, error) {
	if err := r.applier.begin(ctx); err != nil {
		return false, err
	}
	gone, err := r.applier.db.Query(ctx, "DELETE FROM tailrace.parked WHERE id = $1::pg_catalog.int8 RETURNING id", strconv.AppendInt(nil, w.ID, 10))
	if err == nil && len(gone) == 1 {
		var c *capture.Change
		if c, err = r.change(ctx, w); err == nil {
			err = r.applier.applyStatement(ctx, []*capture.Change{c})
		}
		if err == nil { // a deferred violation would not name the change
			err = classify(r.applier.plans[c.Table], c, 1, r.applier.db.Run(ctx, "SET CONSTRAINTS ALL IMMEDIATE"))
		}
		if err == nil {
			if err = r.applier.db.Run(ctx, "COMMIT"); err == nil {
				return true, nil
			}
			err = r.applier.atCommit(err)
		}
	}
	return false, errors.Join(named("replay a change", err), r.applier.db.Rollback(ctx))
}

const columnsQuery = `
SELECT a.attname, pg_catalog.format_type(a.atttypid, -1), a.attgenerated <> '', a.attidentity = 'a', COALESCE(a.attnum = ANY (i.indkey), false)
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// change returns the parked change, and plans a table that has only the columns that the change has.
func (r *replay) change(ctx context.Context, w *waiting) (*capture.Change, error) {
	rows, err := r.applier.db.Query(ctx, columnsQuery, []byte(pgconnect.Ident(w.Schema, w.Table)))
	if err != nil {
		return nil, named("look at "+pgconnect.Ident(w.Schema, w.Table), err)
	}
	t := &capture.Table{Schema: w.SourceSchema, Name: w.SourceTable}
	rel := &target.Relation{Schema: w.Schema, Name: w.Table}
	c := &capture.Change{Tx: &capture.Tx{LSN: w.Position}, Seq: w.Seq, Op: opOf(w.Op), Table: t}
	key := true // the primary key finds the row, if the change has all its columns
	for _, row := range rows {
		name, is := string(row[0]), func(i int) bool { return string(row[i]) == "t" }
		_, before := w.Before[name]
		_, after := w.After[name]
		if is(4) && !before && (w.Before != nil || !after) {
			key = false
		}
		if !before && !after {
			continue
		}
		if is(4) {
			rel.Key = append(rel.Key, len(t.Columns))
		}
		t.Columns = append(t.Columns, capture.Column{Name: name, Modifier: -1})
		rel.Columns = append(rel.Columns, target.Column{Name: name, Type: string(row[1]), Generated: is(2), Identity: is(3)})
		c.Before, c.After = appendParked(c.Before, w.Before, name), appendParked(c.After, w.After, name)
	}
	if !key { // otherwise the columns of the replica identity do
		rel.Key = nil
		for i, v := range c.Before {
			if dml.Given(v) {
				rel.Key = append(rel.Key, i)
			}
		}
	}
	r.applier.plans[t] = dml.NewPlan(t, rel)
	return c, nil
}

// appendParked appends a column's value in an image; absent when the image lacks the column. Without an image it returns nil.
func appendParked(row []capture.Value, image map[string]*string, name string) []capture.Value {
	if image == nil {
		return nil
	}
	switch v, there := image[name]; {
	case !there:
		return append(row, capture.Value{Kind: capture.Absent})
	case v == nil:
		return append(row, capture.Value{})
	default:
		return append(row, capture.Value{Kind: capture.Text, Bytes: []byte(*v)})
	}
}

func opOf(name string) capture.Op {
	for op := capture.Insert; op < capture.Read; op++ {
		if op.String() == name {
			return op
		}
	}
	return capture.Read
}
