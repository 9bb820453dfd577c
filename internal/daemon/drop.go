package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/config"
)

// Drop removes what a pipeline made for itself: at the source first, which refuses while a daemon is active, then the
// progress in its sinks. With dry it removes nothing. It returns a line for each thing that it removed, or would remove,
// and one, beginning with "left: ", for each that stays. After an error the lines say what was done; Drop may be called
// again.
func Drop(ctx context.Context, p config.Pipeline, dry bool) ([]string, error) {
	lines, err := p.Source.Settings.(SourceSettings).Drop(ctx, p.Name, dry)
	if err != nil {
		return lines, fmt.Errorf("%s of pipeline %s: %w", header(p.Source), p.Name, err)
	}
	var failed []error
	for _, b := range p.Sinks {
		more, err := b.Settings.(SinkSettings).Drop(ctx, p.Name, b.Name, dry)
		lines = append(lines, more...)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s of pipeline %s: %w", header(b), p.Name, err))
		}
	}
	return lines, errors.Join(failed...)
}
