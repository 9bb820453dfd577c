package daemon

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// Statuses returns one Status per pipeline, in the order of the files.
func (d *daemon) Statuses() []pipeline.Status {
	list := make([]pipeline.Status, 0, len(d.supervisors))
	for _, s := range d.supervisors {
		list = append(list, s.status())
	}
	return list
}

// End asks the source of the named pipeline for the current end of its WAL.
func (d *daemon) End(ctx context.Context, name string) (capture.LSN, error) {
	for _, s := range d.supervisors {
		if s.block.Name == name {
			return s.walEnd(ctx)
		}
	}
	return 0, fmt.Errorf("there is no pipeline %q", name)
}
