package rig

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/bench/record"
)

// Line is one line of a table, and how to measure it once.
type Line struct {
	Name string
	Run  func(context.Context) (map[string]float64, error)
}

// Rounds measures the lines in turn, as many rounds as there are runs. It records the reason of a failed run in the table
// and in Failures and goes on with the others. After each round it saves the table, with what note adds; nil adds nothing.
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

// Limited calls a function that has to return within the limit of a run.
func (r *Rig) Limited(ctx context.Context, run func(context.Context) (map[string]float64, error)) (map[string]float64, error) {
	limit := r.Setup.Limit
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %s", limit))
	defer cancel()
	figures, err := run(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) { // a driver words the error differently
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return figures, err
}

// Save writes a table after one more round. note writes all notes of the table; nil: it has none.
func (r *Rig) Save(into *record.Report, note func(*record.Report)) error {
	into.Notes = nil
	if note != nil {
		note(into)
	}
	return r.Setup.Book.Save(into)
}
