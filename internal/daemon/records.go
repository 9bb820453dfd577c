package daemon

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// mainLane is the lane whose records the verbs read: sources have no other.
const mainLane = "main"

// record is a sink of a pipeline with the record that it keeps.
type record struct {
	block config.Block
	sink  sink.Sink
	known startrule.Sink
	err   error // why the record could not be read

	decision startrule.Decision // of Accept
	problem  *capture.Problem   // of the decision, as it is shown to the operator
}

// wrap adds the sink and the pipeline to an error.
func (r *record) wrap(p config.Pipeline, err error) error {
	return fmt.Errorf("%s of pipeline %s: %w", header(r.block), p.Name, err)
}

// recordsOf reads the records of those sinks of a pipeline that keep one, and what the source knows of each. The caller closes the
// sinks.
func recordsOf(ctx context.Context, p config.Pipeline) (src startrule.Source, rs []*record, err error) {
	ofSource := func(err error) error { return fmt.Errorf("%s of pipeline %s: %w", header(p.Source), p.Name, err) }
	if src, err = compareRecords(ctx, p, nil); err != nil {
		return src, nil, ofSource(err)
	}
	if rs, err = readRecords(ctx, p, src.Origin); err != nil {
		return src, nil, err
	}
	if src, err = compareRecords(ctx, p, rs); err != nil {
		closeAll(rs)
		return src, nil, ofSource(err)
	}
	return src, rs, nil
}

// readRecords reads the records of the source that from names.
func readRecords(ctx context.Context, p config.Pipeline, from capture.Origin) (rs []*record, err error) {
	for _, b := range p.Sinks {
		s, err := b.Settings.(SinkSettings).Sink(p.Name, b.Name, zap.NewNop())
		if err != nil {
			closeAll(rs)
			return nil, fmt.Errorf("%s of pipeline %s: %w", header(b), p.Name, err)
		}
		reader, keeps := s.(sink.Reader)
		if !keeps {
			_ = s.Close() // it was not opened
			continue
		}
		r := &record{block: b, sink: s}
		was, err := reader.Read(ctx, mainLane, from)
		if err != nil {
			r.err = fmt.Errorf("read the progress: %w", err)
		}
		r.known = startrule.Sink{Name: b.Name, Progress: was, Begin: begin(p, b), OthersKeepRecord: true}
		rs = append(rs, r)
	}
	return rs, nil
}

// compareRecords asks the source what it is, and what it knows of the records.
func compareRecords(ctx context.Context, p config.Pipeline, rs []*record) (src startrule.Source, err error) {
	var asked []capture.Record
	for _, r := range rs {
		was := &r.known.Progress
		asked = append(asked, capture.Record{
			Sink: r.known.Name, Position: was.Position, State: was.State, Origin: was.Origin, Commit: was.Commit,
		})
	}
	var known []capture.Comparison
	src.Origin, src.Slot, known, err = p.Source.Settings.(SourceSettings).Look(ctx, p.Name, asked)
	if err != nil {
		return src, err
	}
	for i, r := range rs {
		r.known.Comparison = known[i]
	}
	return src, nil
}

func closeAll(rs []*record) {
	for _, r := range rs {
		_ = r.sink.Close() // nothing is in flight
	}
}
