package rig

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/bench/record"
)

// Line is one of a table, and how it is measured once.
type Line struct {
	Name string
	Run  func(context.Context) (map[string]float64, error)
}

// Rounds measures the lines in turn, as many rounds as there are runs. The table and Failures have the reason of a run that
// fails, and the other runs go on; after each round the table is saved, with what note adds. nil adds nothing.
func (r *Rig) Rounds(ctx context.Context, into *record.Report, lines []Line, note func(*record.Report)) error {
	for i := range r.Setup.Runs {
		for _, l := range lines {
			figures, err := r.Limited(ctx, l.Run)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			into.Line(l.Name).Add(figures, err)
			r.Setup.Tell(into, i, l.Name, figures, err)
		}
		if err := r.Save(into, note); err != nil {
			return err
		}
	}
	return nil
}

// Limited calls what has to end within the limit of a run.
func (r *Rig) Limited(ctx context.Context, run func(context.Context) (map[string]float64, error)) (map[string]float64, error) {
	limit := r.Setup.Limit
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %s", limit))
	defer cancel()
	figures, err := run(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) { // a driver has words of its own
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return figures, err
}

// Save writes a table that has had one more round. note writes all notes of the table; nil: it has none.
func (r *Rig) Save(into *record.Report, note func(*record.Report)) error {
	into.Notes = nil
	if note != nil {
		note(into)
	}
	return r.Setup.Book.Save(into)
}
