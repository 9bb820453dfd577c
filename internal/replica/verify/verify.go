package verify

import (
	"context"
	"errors"
	"fmt"
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
	Make  func(ctx context.Context, table Name, ready func(context.Context) error) (did []string, err error)
	Keeps bool // the replica keeps rows that the source deletes, so that extra rows are no difference

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
	Kind     string   // missing, extra, different, or for a table: no_table, no_column, columns, rows
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
		c, wrong, err = v.make(ctx, t, wrong)
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
	return &comparison{Verifier: v, table: t, source: source, target: target}, nil, nil
}

// make creates what the replica lacks of a table, and reads the table again. What cannot be created remains a difference.
func (v *Verifier) make(ctx context.Context, t Table, wrong []Difference) (*comparison, []Difference, error) {
	did, err := v.Make(ctx, t.Source, v.follow)
	if p := capture.AsProblem(err); p != nil {
		wrong[0].Detail += fmt.Sprintf(", and it cannot be made: %s: %s\n%s", p.State, p.Reason, p.Fix)
		return nil, wrong, nil
	}
	if err != nil {
		return nil, nil, err
	}
	c, still, err := v.open(ctx, t)
	if err != nil || still != nil {
		return nil, still, err
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
