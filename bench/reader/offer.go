package reader

import (
	"context"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/tailrace/tailrace/bench/load"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/tool"
)

// table has no key: an index would take CPU from the reader.
const table = "CREATE TABLE offered (id bigint, note text)"

const (
	rowSize     = 200  // bytes on the wire: 30 around the message, 8 of the message, 5 per value, the values
	pace        = 1000 // transactions per second
	connections = 4
)

// offer writes at a rate while a tool reads.
func (b *bench) offer(ctx context.Context, name string, j tool.Job, mbs float64) (out map[string]float64, err error) {
	from := *b.offered
	each := max(1, int(math.Round(mbs*1e6/rowSize/pace)))
	n := pace * b.seconds
	from.Rows = n * each
	j.From, j.Delays = &from, name != tool.RecvLogical
	if err := from.Exec(ctx, "TRUNCATE offered"); err != nil {
		return nil, err
	}
	if err := from.Slot(ctx, j.Name); err != nil {
		return nil, err
	}
	p, err := b.Start(ctx, name, j)
	if err != nil {
		return nil, err
	}
	defer rig.CleanUp(ctx, &err, p.Stop)
	sender, err := p.Await(ctx)
	if err != nil {
		return nil, err
	}
	time.Sleep(200 * time.Millisecond) // the start of the tool is not measured
	m := p.NewMeter(sender)
	first := m.Look(ctx, 0)
	_, err = load.Run(ctx, load.Plan{
		URL: from.URL("unix"), Rate: pace, Count: n, Connections: connections,
		SQL:  fmt.Sprintf("INSERT INTO offered SELECT $1::bigint, repeat('x', %d) FROM generate_series(1, %d)", rowSize-55, each),
		Args: func(k int) []any { return []any{k} },
	})
	if err != nil {
		return nil, err
	}
	if err := p.Arrived(ctx); err != nil {
		return nil, err
	}
	out = tool.Between(first, m.Look(ctx, 1), from.Rows)
	out["rss_mb"] = float64(m.Peak) / 1e6
	if j.Delays {
		delays, err := p.Delays()
		if err != nil {
			return nil, err
		}
		maps.Copy(out, delays)
	}
	return out, nil
}
