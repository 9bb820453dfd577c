package postgres

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/decode"
)

// Tables implements daemon.TableLister: the tables that the publication has, or would have after a start, in the shapes in which a
// stream would describe them now. It changes nothing.
func (s *Settings) Tables(ctx context.Context, pipeline string) ([]*capture.Table, error) {
	c, err := s.Config(pipeline)
	if err != nil {
		return nil, err
	}
	return c.shapes(ctx)
}

func (c *Config) shapes(ctx context.Context) (tables []*capture.Table, err error) {
	err = c.describeAll(ctx, func(t *decode.CopyTable) { tables = append(tables, t.Table) })
	return tables, err
}
