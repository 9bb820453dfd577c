package rig

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
)

// Line is one of a table, and how it is measured once.
type Line struct {
	Name string
	Run  func(context.Context) (map[string]float64, error)
}

// Rounds measures the lines in turn, so many rounds as there are runs. A run that fails is in the table with the reason,
// and the others go on; after each round the table is saved, with what note adds. nil adds nothing.
func (r *Rig) Rounds(ctx context.Context, into *record.Report, lines []Line, note func(*record.Report)) error {
	for i := range r.Setup.Runs {
		for _, l := range lines {
			figures, err := r.Limited(ctx, l.Run)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			into.Line(l.Name).Add(figures, err)
			Tell(into, i, l.Name, figures, err)
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

// Save writes a table that has had one more round. note is told to write its notes anew; nil: it has none.
func (r *Rig) Save(into *record.Report, note func(*record.Report)) error {
	into.Notes = nil
	if note != nil {
		note(into)
	}
	return r.Setup.Book.Save(into)
}

// Tell prints what the i-th run of a line came to.
func Tell(of *record.Report, i int, line string, figures map[string]float64, err error) {
	what := fmt.Sprintf("%s %s run %d: %s", of.Part, of.Case, i+1, line)
	if err != nil {
		site.Say("%s: FAILED: %v", what, err)
		return
	}
	site.Say("%s: %s", what, of.Told(figures))
}
