package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// acceptWarning ends a warning of a pipeline. Every record gets a new state; a daemon that runs finds its writers fenced, opens the
// sinks again, and continues from the records. A warning that has ended by itself is no error, and nothing is written: a fix that was
// printed before, or a script, may accept it all the same.
func acceptWarning(ctx context.Context, p config.Pipeline, w Warnings, state string, dry bool) (lost []string, err error) {
	src, records, err := recordsOf(ctx, p)
	if err != nil {
		return nil, err
	}
	defer closeAll(records)
	records = slices.DeleteFunc(slices.Clone(records), func(r *record) bool { return r.err == nil && r.known.Progress.Record != sink.RecordFound })
	var known []capture.Record
	for _, r := range records {
		if r.err != nil {
			return nil, r.wrap(p, r.err)
		}
		if foreign := startrule.Foreign(r.known.Name, r.known.Progress.Origin, src.Origin); foreign != nil {
			return nil, r.wrap(p, foreign)
		}
		was := &r.known.Progress
		known = append(known, capture.Record{
			Sink: r.known.Name, Position: was.Position, State: was.State, Origin: was.Origin, Commit: was.Commit,
		})
	}
	if len(known) == 0 {
		return nil, notHalted(p, state, nil)
	}
	update, lost, err := w.AcceptWarning(ctx, p.Name, state, known)
	if err != nil {
		return nil, fmt.Errorf("%s of pipeline %s: %w", header(p.Source), p.Name, err)
	}
	if len(lost) == 0 || dry {
		return lost, nil
	}
	for _, r := range records {
		if err := r.updateState(ctx, src.Origin, update); err != nil {
			return nil, r.wrap(p, err)
		}
	}
	return lost, nil
}

// updateState updates the state in the record and nothing else. A daemon that runs, or another command, may have written the record
// since it was read, so the state that is updated is the one that this process finds as the record's owner.
func (r *record) updateState(ctx context.Context, o capture.Origin, update func([]byte) []byte) error {
	const most = 5 // a daemon whose writer is fenced opens the sink again
	var err error
	for range most {
		if err = r.tryUpdateState(ctx, o, update); !errors.Is(err, sink.ErrFenced) {
			return err
		}
	}
	return err
}

func (r *record) tryUpdateState(ctx context.Context, o capture.Origin, update func([]byte) []byte) (err error) {
	none := func(capture.Position) {}
	w, found, err := r.sink.Open(ctx, sink.Lane{Name: mainLane, Origin: o, OnDurable: none, Failed: func(error) {}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	keeper, keeps := w.(sink.Recorder)
	if !keeps || found.Record != sink.RecordFound {
		return errors.New("the progress record has changed meanwhile: run the command again")
	}
	found.State = update(found.State)
	return keeper.Record(ctx, found)
}
