package daemon

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pipeline"
)

// Statuses gives one Status a pipeline, in the order of the files.
func (d *daemon) Statuses() []pipeline.Status {
	list := make([]pipeline.Status, 0, len(d.supervisors))
	for _, s := range d.supervisors {
		list = append(list, s.status())
	}
	return list
}

// End asks the source of the named pipeline where its WAL ends now.
func (d *daemon) End(ctx context.Context, name string) (capture.LSN, error) {
	for _, s := range d.supervisors {
		if s.block.Name == name {
			return s.end(ctx)
		}
	}
	return 0, fmt.Errorf("there is no pipeline %q", name)
}
