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

// Verifier compares the tables of one replica. One goroutine at a time.
type Verifier struct {
	Source, Target *pgconn.PgConn
	// End is where the source's WAL ends now: all that a query has seen is below it.
	End func(context.Context) (capture.LSN, error)
	// Durable is up to where the replica has everything.
	Durable func(context.Context) (capture.Position, error)

	Range  int           // rows of a range; 0: 10,000
	Limit  int           // of differences, where it ends with ErrTooMany; 0: 1,000
	Rest   float64       // pause after a range, as a multiple of the time that it took: 1 loads one backend half
	Follow time.Duration // how long the replica may take to come to a position; 0: a minute
	Repair bool
	// Make makes what the replica lacks of a table of the source, once ready has returned nil while the table cannot change, and
	// returns what it has run. nil: nothing is made.
	Make  func(ctx context.Context, table Name, ready func(context.Context) error) (did []string, err error)
	Keeps bool // the replica keeps rows that the source deletes: what it has more is no difference

	// Progress is told after each range; nil: nobody.
	Progress func(Progress)
}

// Progress is how far a table is.
type Progress struct {
	Table Table
	Rows  int64    // of the source that are compared
	After []string // the last key; verification may go on behind it
}

// Difference is one row that is not the same, or what is wrong with a whole table.
type Difference struct {
	Table    Name     // in the source
	Key      []string // in the order of the key's columns; nil: the whole table
	Kind     string   // missing, extra, different, or for a table: no_table, no_column, rows
	Columns  []string // that differ, or that the replica lacks
	Detail   string   // of a table's
	Repaired bool
}

// Result is what became of a table.
type Result struct {
	Rows        int64 // compared
	Differences []Difference
	More        int // repaired rows beyond those in Differences
	Busy        int // rows that changed at each of many looks: nothing is said about them
}

// ErrTooMany ends a verification that finds more differences than Limit, without those that were repaired: the replica is another
// table.
var ErrTooMany = errors.New("there are more differences than the limit")

// ErrBehind says that the replica does not come to where the source is.
var ErrBehind = errors.New("the replica does not follow: is its pipeline running?")

// Table compares one table, behind the key after; nil: from the beginning.
func (v *Verifier) Table(ctx context.Context, t Table, after []string) (Result, error) {
	c, wrong, err := v.open(ctx, t)
	if err == nil && wrong != nil && v.Repair && v.Make != nil {
		c, wrong, err = v.make(ctx, t, wrong)
	}
	if err != nil || c == nil {
		return Result{Differences: wrong}, err
	}
	c.result.Differences = wrong
	if len(t.Key) == 0 {
		return c.whole(ctx)
	}
	for r := (span{after: after}); ; r.after = r.upto {
		began := time.Now()
		if r.upto, err = c.source.upto(ctx, r.after, v.size()); err != nil {
			return c.result, err
		}
		if err := c.compare(ctx, r); err != nil {
			return c.result, err
		}
		if v.Progress != nil {
			v.Progress(Progress{Table: t, Rows: c.result.Rows, After: r.upto})
		}
		if len(r.upto) == 0 {
			return c.result, nil
		}
		if err := sleep(ctx, time.Duration(v.Rest*float64(time.Since(began)))); err != nil {
			return c.result, err
		}
	}
}

// open looks at the table on both sides.
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

// make makes what the replica lacks of a table, wrong, and looks again. What cannot be made stays wrong.
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

// follow waits until the replica holds all that the source has shown so far.
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
		held, err := v.Durable(ctx)
		switch {
		case err != nil:
			return err
		case held.LSN >= end:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%w (it holds %s, the source is at %s)", ErrBehind, held, end)
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
