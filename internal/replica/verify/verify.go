package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Verifier compares the tables of one replica. It is used by one goroutine at a time.
type Verifier struct {
	Source, Target *pgconn.PgConn
	// End returns the current end of the source's WAL: everything that a query has seen is below it.
	End func(context.Context) (capture.LSN, error)
	// Durable returns the durable position of the replica.
	Durable func(context.Context) (capture.Position, error)

	Range  int           // rows per range; 0: 10,000
	Limit  int           // number of differences after which it fails with ErrTooMany; 0: 1,000
	Rest   float64       // pause after a range, as a multiple of the time that it took: with 1, a backend is busy half the time
	Follow time.Duration // how long the replica may take to reach a position; 0: a minute
	Repair bool
	// Make gives the replica's table the source's present columns, under their present names, and returns the executed statements.
	// It calls ready while the source's table cannot change, and proceeds if ready returns nil. If Make is nil, nothing is created.
	Make func(ctx context.Context, table Name, ready func(context.Context) error) (did []string, err error)
	// Misfits is Replica.Misfits for a table. If it is nil, types are not compared.
	Misfits func(ctx context.Context, table Name, types map[string][]string) ([]string, error)
	Keeps   bool // the replica keeps rows that the source deletes, so that extra rows are no difference

	// Progress is called after each range; may be nil.
	Progress func(Progress)
}

// Progress is the progress of one table.
type Progress struct {
	Table Table
	Rows  int64    // rows of the source that were compared
	After []string // the last key; a verification can continue after it
}

// Difference is a row that differs, or what is wrong with a table as a whole.
type Difference struct {
	Table    Name     // in the source
	Key      []string // in the order of the key's columns; nil: the whole table
	Kind     string   // missing, extra, different, or for a table: no_table, no_column, types, columns, rows
	Columns  []string // columns that differ, or that the replica lacks
	Detail   string   // describes a difference of a table as a whole
	Repaired bool
}

// Result is the result for one table.
type Result struct {
	Rows        int64 // compared
	Differences []Difference
	More        int  // repaired rows beyond those in Differences
	Busy        int  // rows that changed at every check: they may be equal or not
	NotCompared bool // the table has no key, and was written to during every attempt
}

// ErrTooMany ends a verification that finds more unrepaired differences than Limit: the replica's table is probably a different
// one.
var ErrTooMany = errors.New("there are more differences than the limit")

// ErrBehind means that the replica does not reach the position of the source in time.
var ErrBehind = errors.New("the replica does not follow: is its pipeline running?")

// Table compares one table, starting after the key after. nil means from the beginning.
func (v *Verifier) Table(ctx context.Context, t Table, after []string) (Result, error) {
	c, wrong, err := v.open(ctx, t)
	if err == nil && wrong != nil && v.Repair && v.Make != nil {
		c, wrong, err = v.make(ctx, c, t, wrong)
	}
	if err != nil || c == nil {
		return Result{Differences: wrong}, err
	}
	c.result.Differences, c.shaped = wrong, wrong != nil
	result, err := c.rows(ctx, after)
	if !errors.Is(err, errReshaped) {
		return result, err
	}
	if c, wrong, err = v.open(ctx, t); err != nil || c == nil {
		return Result{Differences: append(result.Differences, wrong...)}, err
	}
	c.result.Differences, c.shaped = result.Differences, true
	return c.rows(ctx, after)
}

// rows compares the rows after a key.
func (c *comparison) rows(ctx context.Context, after []string) (_ Result, err error) {
	if len(c.table.Key) == 0 {
		return c.compareWithoutKey(ctx)
	}
	for r := (span{after: after}); ; r.after = r.upto {
		began := time.Now()
		if r.upto, err = c.source.upto(ctx, r.after, c.size()); err != nil {
			return c.result, err
		}
		if err := c.compare(ctx, r); err != nil {
			return c.result, err
		}
		if c.Progress != nil {
			c.Progress(Progress{Table: c.table, Rows: c.result.Rows, After: r.upto})
		}
		if len(r.upto) == 0 {
			return c.result, nil
		}
		if err := sleep(ctx, time.Duration(c.Rest*float64(time.Since(began)))); err != nil {
			return c.result, err
		}
	}
}

// open reads the columns of the table on both sides.
func (v *Verifier) open(ctx context.Context, t Table) (*comparison, []Difference, error) {
	source, err := newSide(ctx, v.Source, "source", t.Source, &t, t.Filter)
	if err != nil {
		return nil, nil, err
	}
	target, err := newSide(ctx, v.Target, "replica", t.Target, &t, "")
	switch {
	case errors.Is(err, errAbsent):
		return nil, []Difference{{Table: t.Source, Kind: "no_table", Detail: fmt.Sprintf("the replica has no table %s", t.Target)}}, nil
	case err != nil:
		return nil, nil, err
	}
	if lacks := target.lacks(); len(lacks) > 0 {
		return nil, []Difference{{
			Table: t.Source, Kind: "no_column", Columns: lacks,
			Detail: fmt.Sprintf("%s lacks %s", t.Target, pgconnect.Idents(lacks)),
		}}, nil
	}
	c := &comparison{Verifier: v, table: t, source: source, target: target}
	wrong, err := c.misfits(ctx)
	return c, wrong, err
}

// misfits compares the types of the columns. Rows whose text is equal may still differ for a reader: the text of a boolean column is t,
// and true where a query casts it.
func (c *comparison) misfits(ctx context.Context) ([]Difference, error) {
	if c.Misfits == nil {
		return nil, nil
	}
	types := map[string][]string{}
	for _, name := range c.table.Columns {
		types[name] = append(slices.Clone(c.source.full[name]), c.target.full[name][0])
	}
	names, err := c.Misfits(ctx, c.table.Source, types)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	slices.Sort(names)
	var each []string
	for _, name := range names {
		each = append(each, fmt.Sprintf("%s is %s in the source and %s in the replica", name, c.source.full[name][0], c.target.full[name][0]))
	}
	return []Difference{{Table: c.table.Source, Kind: "types", Columns: names, Detail: strings.Join(each, ", ")}}, nil
}

// make creates what the replica lacks of a table, and reads the table again. What cannot be created remains a difference. was is the
// comparison of the rows, which goes on if only types differ; otherwise nil.
func (v *Verifier) make(ctx context.Context, was *comparison, t Table, wrong []Difference) (*comparison, []Difference, error) {
	did, err := v.Make(ctx, t.Source, v.follow)
	if p := capture.AsProblem(err); p != nil {
		wrong[0].Detail += fmt.Sprintf(", and it cannot be made: %s: %s\n%s", p.State, p.Reason, p.Fix)
		return was, wrong, nil
	}
	if err != nil {
		return nil, nil, err
	}
	c, still, err := v.open(ctx, t)
	if err != nil || still != nil {
		return c, still, err
	}
	wrong[0].Repaired = true
	wrong[0].Detail += ": " + strings.Join(did, "; ")
	return c, wrong, nil
}

func (v *Verifier) size() int  { return or(v.Range, 10_000) }
func (v *Verifier) limit() int { return or(v.Limit, 1_000) }

func or(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// follow waits until the replica has reached the current end of the source's WAL.
func (v *Verifier) follow(ctx context.Context) error {
	end, err := v.End(ctx)
	if err != nil {
		return err
	}
	within := v.Follow
	if within == 0 {
		within = time.Minute
	}
	for deadline := time.Now().Add(within); ; {
		durable, err := v.Durable(ctx)
		switch {
		case err != nil:
			return err
		case durable.LSN >= end:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%w (it holds %s, the source is at %s)", ErrBehind, durable, end)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
