package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
)

// Drop removes what a pipeline has created: first at the source, which refuses while a daemon is active, then the progress in its
// sinks. A record of another pipeline stays. With dry it removes nothing. It returns a line for each thing that it removed, or
// would remove, and one, beginning with "left: ", for each that stays. After an error the lines are what was done; Drop may be
// called again.
func Drop(ctx context.Context, p config.Pipeline, dry bool) ([]string, error) {
	from, foreign, err := foreignRecords(ctx, p)
	if err != nil {
		return nil, err
	}
	lines, err := p.Source.Settings.(SourceSettings).Drop(ctx, p.Name, dry)
	if err != nil {
		return lines, fmt.Errorf("%s of pipeline %s: %w", header(p.Source), p.Name, err)
	}
	var failed []error
	for _, b := range p.Sinks {
		if why := foreign[b.Name]; why != nil {
			lines = append(lines, fmt.Sprintf("left: the progress record of sink %s, which is another pipeline's: %s", b.Name, why.Reason))
			continue
		}
		more, err := b.Settings.(SinkSettings).Drop(ctx, p.Name, b.Name, from, dry)
		lines = append(lines, more...)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s of pipeline %s: %w", header(b), p.Name, err))
		}
	}
	return lines, errors.Join(failed...)
}

// foreignRecords returns the sinks whose record is of another cluster, database or slot than the source's lane, and why.
func foreignRecords(ctx context.Context, p config.Pipeline) (lane capture.Origin, foreign map[string]*capture.Problem, err error) {
	src, records, err := recordsOf(ctx, p)
	if err != nil {
		return lane, nil, err
	}
	defer closeAll(records)
	foreign = map[string]*capture.Problem{}
	for _, r := range records {
		if r.err == nil && r.known.Progress.Record == sink.RecordFound { // else its Drop fails, and what can go goes
			if why := startrule.Foreign(r.known.Name, r.known.Progress.Origin, src.Origin); why != nil {
				foreign[r.known.Name] = why
			}
		}
	}
	return src.Origin, foreign, nil
}
