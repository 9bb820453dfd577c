package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// Limits between the forms of statements, measured against a server on the same host.
const (
	fewRows  = 2    // up to this many rows, each has a statement of its own
	manyRows = 1000 // updates or deletes of one statement
	copyRows = 64   // from this many rows on, inserts use COPY, which costs a round trip
)

// errParked means that a change concerns a row that has changes in tailrace.parked.
var errParked = errors.New("earlier changes of the row are parked")

// bulk writes the net effects of changes in few statements. An error for which conflictError is true does not tell which change
// conflicts.
type bulk struct {
	applier  *applier
	pipeline dml.Pipeline
	effects  *dml.Effects
	folded   int // how many changes of the next group are in effects already
	usage    []byte
	params   [][]byte
	text     []byte // of parameters and of COPY
	sets     map[string]int
	// truncates has the TRUNCATE statements by their SQL.
	truncates map[string]*dml.Statement
	groups    []usageGroup
	commit    *dml.Statement
	last      bool // flush is followed only by COMMIT
	committed bool // COMMIT was sent and succeeded
}

// usageGroup is the effects on one table that have the same usage.
type usageGroup struct {
	usage   []byte
	effects []*dml.Effect
}

// applyAndCommit writes all changes of the transaction that the pipeline begins, and commits it. COMMIT goes in the same round
// trip when every possible fault makes the server fail, else after all results are checked.
func (b *bulk) applyAndCommit(ctx context.Context, changes []*capture.Change) error {
	b.committed = false
	defer b.effects.Reset()
	folded := b.folded
	b.folded = 0
	if err := b.fill(ctx, changes[folded:]); err != nil {
		return err
	}
	b.last = true
	defer func() { b.last = false }()
	if err := b.flush(ctx); err != nil || b.committed {
		return err
	}
	if b.pipeline.NeedsChecks() {
		if err := b.pipeline.Finish(ctx); err != nil {
			return err
		}
	}
	if err := b.pipeline.Send(ctx, b.commit, nil, dml.AnyRows); err != nil {
		return err
	}
	return b.pipeline.Finish(ctx)
}

// apply writes changes in the open transaction and waits for the results.
func (b *bulk) apply(ctx context.Context, changes []*capture.Change) error {
	defer b.effects.Reset()
	if err := b.fill(ctx, changes); err != nil {
		return err
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	return b.pipeline.Finish(ctx)
}

// fill adds changes to the effects. A change that cannot be combined is written, after all effects before it.
func (b *bulk) fill(ctx context.Context, changes []*capture.Change) error {
	for i := 0; i < len(changes); {
		n, err := b.next(ctx, changes[i:])
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// plan returns the plan of the first change's table. Before a table is planned or emptied, all earlier changes are written: rows of
// an older shape would not fit afterwards. The tables of the changes that follow are planned together with it.
func (b *bulk) plan(ctx context.Context, changes []*capture.Change) (*dml.Plan, error) {
	c := changes[0]
	p := b.applier.plans[c.Table]
	if p != nil && b.applier.initialCopy.begun(p, c) {
		return p, nil
	}
	if err := b.flush(ctx); err != nil {
		return nil, err
	}
	if err := b.pipeline.Finish(ctx); err != nil {
		return nil, err
	}
	if p == nil {
		if err := b.applier.newPlans(ctx, b.applier.unplanned(changes)); err != nil {
			return nil, err
		}
	}
	return b.applier.plan(ctx, c)
}

// next adds the first change to the effects, or writes it by itself when it cannot be combined. n is the number of changes done.
func (b *bulk) next(ctx context.Context, changes []*capture.Change) (n int, err error) {
	c := changes[0]
	if c.Op == capture.Truncate {
		n = statementChanges(changes)
		if b.applier.options.IgnoreTruncate {
			return n, nil
		}
		for i := range n {
			if _, err := b.plan(ctx, changes[i:]); err != nil {
				return n, err
			}
		}
		if err := b.flush(ctx); err != nil {
			return n, err
		}
		sql := b.applier.truncateSQL(changes[:n])
		if b.truncates[sql] == nil {
			b.truncates[sql] = &dml.Statement{SQL: sql}
		}
		return n, b.pipeline.Send(ctx, b.truncates[sql], nil, dml.AnyRows)
	}
	p, err := b.plan(ctx, changes)
	if err != nil {
		return 1, err
	}
	if dml.Rowless(c) {
		return 1, nil
	}
	if b.applier.isParked(p, c) {
		return 1, errParked
	}
	folded, err := b.effects.Add(p, c)
	if folded || err != nil || c.Op == capture.Delete && b.applier.options.KeepDeletes {
		return 1, err
	}
	if err := b.flush(ctx); err != nil {
		return 1, err
	}
	if moves := c.Op == capture.Update && p.KeyChanged(c); dml.IsInsert(c) || p.Foldable() && !moves {
		_, err := b.effects.Add(p, c) // it could not be added before because of another shape of the table
		return 1, err
	}
	return 1, b.applyAlone(ctx, p, c)
}

// applyAlone writes an update or a delete by itself.
func (b *bulk) applyAlone(ctx context.Context, p *dml.Plan, c *capture.Change) error {
	b.usage = p.Usage(b.usage, dml.OldRow(c), c.Before, c.After, true)
	st := p.Delete
	if c.Op == capture.Update {
		st = p.Update
	}
	b.params = p.Params(b.params[:0], b.usage, dml.OldRow(c), c.After)
	return b.pipeline.Send(ctx, st(b.usage), b.params, 1)
}

// flush writes the effects: deletes in reverse order of the tables, then updates and inserts table by table.
func (b *bulk) flush(ctx context.Context) error {
	for i := len(b.effects.Tables) - 1; i >= 0; i-- {
		if err := b.deletes(ctx, b.effects.Tables[i]); err != nil {
			return err
		}
	}
	for i, t := range b.effects.Tables {
		if err := b.updates(ctx, t); err != nil {
			return err
		}
		if err := b.inserts(ctx, t, b.last && i == len(b.effects.Tables)-1); err != nil {
			return err
		}
	}
	b.effects.Reset()
	return nil
}

func (b *bulk) deletes(ctx context.Context, t *dml.TableEffects) error {
	p := t.Plan
	b.groupByUsage(t, func(e *dml.Effect) bool { return e.Kind == dml.Deleted || e.Kind == dml.Replaced }, false)
	for _, g := range b.groups {
		if err := b.rows(ctx, p, g, p.Delete, p.DeleteRows); err != nil {
			return err
		}
	}
	return nil
}

func (b *bulk) updates(ctx context.Context, t *dml.TableEffects) error {
	p := t.Plan
	b.groupByUsage(t, func(e *dml.Effect) bool { return e.Kind == dml.Updated }, true)
	for _, g := range b.groups {
		if err := b.rows(ctx, p, g, p.Update, p.UpdateRows); err != nil {
			return err
		}
	}
	return nil
}

// groupByUsage groups the effects on a table by what they do with its columns.
func (b *bulk) groupByUsage(t *dml.TableEffects, takes func(*dml.Effect) bool, after bool) {
	clear(b.sets)
	for i := range b.groups {
		clear(b.groups[i].effects)
		b.groups[i].effects = b.groups[i].effects[:0]
	}
	b.groups = b.groups[:0]
	for i := range t.Effects {
		e := &t.Effects[i]
		if !takes(e) {
			continue
		}
		var row []capture.Value
		if after {
			row = e.Row
		}
		b.usage = t.Plan.Usage(b.usage, e.Key, e.Before, row, true)
		n, ok := b.sets[string(b.usage)]
		if !ok {
			n = len(b.groups)
			b.sets[string(b.usage)] = n
			if n < cap(b.groups) {
				b.groups = b.groups[:n+1]
			} else {
				b.groups = append(b.groups, usageGroup{})
			}
			b.groups[n].usage = append(b.groups[n].usage[:0], b.usage...)
		}
		b.groups[n].effects = append(b.groups[n].effects, e)
	}
}

// rows writes the updates or deletes of one usage, each of which must affect one row.
func (b *bulk) rows(ctx context.Context, p *dml.Plan, g usageGroup, one, many func([]byte) *dml.Statement) error {
	if all := g.effects; len(all) > manyRows { // the server works on the first while the rest is encoded
		for len(all) > 0 {
			n := min(manyRows, len(all))
			if err := b.rows(ctx, p, usageGroup{g.usage, all[:n]}, one, many); err != nil {
				return err
			}
			all = all[n:]
		}
		return nil
	}
	if len(g.effects) <= fewRows {
		for _, e := range g.effects {
			b.params = p.Params(b.params[:0], g.usage, e.Key, e.Row)
			if err := b.pipeline.Send(ctx, one(g.usage), b.params, 1); err != nil {
				return err
			}
		}
		return nil
	}
	b.beginArrays()
	for i, u := range g.usage {
		if u&dml.Sets != 0 {
			b.addArray(len(g.effects), func(n int) capture.Value { return g.effects[n].Row[i] })
		}
	}
	for _, want := range []byte{dml.Finds, dml.Compares} {
		for i, u := range g.usage {
			if u&want != 0 {
				b.addArray(len(g.effects), func(n int) capture.Value { return g.effects[n].Key[i] })
			}
		}
	}
	return b.pipeline.Send(ctx, many(g.usage), b.params, int64(len(g.effects)))
}

// beginArrays clears the parameters, for addArray.
func (b *bulk) beginArrays() { b.params, b.text = b.params[:0], b.text[:0] }

// addArray adds an array parameter. When text is reallocated, earlier parameters keep pointing into the old memory.
func (b *bulk) addArray(n int, value func(n int) capture.Value) {
	from := len(b.text)
	b.text = dml.AppendArray(b.text, n, value)
	b.params = append(b.params, b.text[from:len(b.text):len(b.text)])
}

// inserts writes the new rows of a table. With last, nothing but COMMIT follows.
func (b *bulk) inserts(ctx context.Context, t *dml.TableEffects, last bool) error {
	for i := range t.Effects {
		if e := &t.Effects[i]; e.Kind == dml.Inserted || e.Kind == dml.Replaced {
			t.Rows = append(t.Rows, e.Row)
		}
	}
	p, rows := t.Plan, t.Rows
	for _, row := range rows {
		if !dml.Complete(row) {
			return fmt.Errorf("insert into %s: %w", p.Name, dml.ErrOrder)
		}
	}
	switch {
	case len(rows) >= copyRows && len(p.Written) > 0 && p.OnConflict == "":
		return b.copyIn(ctx, p, rows, last)
	case len(rows) <= fewRows || len(p.Written) == 0:
		for _, row := range rows {
			if err := b.pipeline.Send(ctx, p.Insert, p.InsertParams(b.params[:0], row), dml.AnyRows); err != nil {
				return err
			}
		}
		return nil
	}
	b.beginArrays()
	for _, i := range p.Written {
		b.addArray(len(rows), func(n int) capture.Value { return rows[n][i] })
	}
	return b.pipeline.Send(ctx, p.InsertRows(), b.params, dml.AnyRows)
}

// copyIn inserts rows by COPY, which a pipeline cannot contain. To save round trips, the query includes the beginning of the
// transaction when nothing was sent yet, and COMMIT when last is set. A statement that fails stops those after it.
func (b *bulk) copyIn(ctx context.Context, p *dml.Plan, rows [][]capture.Value, last bool) error {
	sql := b.pipeline.TakeHead()
	if sql == "" {
		if err := b.pipeline.Finish(ctx); err != nil {
			return err
		}
	}
	sql += p.CopySQL()
	if last {
		sql += "; COMMIT"
	}
	text := dml.CopyReader{Rows: rows, Columns: p.Written, Text: b.text[:0], OnWritten: b.pipeline.OnIdle}
	_, err := b.applier.db.PG.CopyFrom(ctx, &text, sql)
	text.Stop()
	b.text = text.Text[:0]
	b.committed = last && err == nil
	return err
}

// conflictError reports whether an error of bulk is caused by rows or constraints of the target. Applying the changes one by one
// then finds the change.
func conflictError(err error) bool {
	return errors.Is(err, dml.ErrRowCount) || errors.Is(err, dml.ErrOrder) || errors.Is(err, errParked) || conflictCode(pgconnect.SQLState(err))
}
