package latency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/bench/load"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// connections is large enough that no transaction waits for a connection, unless the database stalls.
const connections = 16

const insert = `INSERT INTO bench VALUES ($1::bigint, ($1::bigint % 1000)::int, 'paid', 12.34, 'a note of some forty characters, no. 12345', now())`

// Phase is the current measurement: transactions with ids from First on, one row each.
type Phase struct {
	First    int64
	returned []atomic.Int64 // when the commit had returned, in Unix nanoseconds
	arrived  []atomic.Int64 // when the row arrived; 0: not yet
	left     atomic.Int64
	done     chan struct{} // closed when all have arrived
}

// NewPhase returns a phase of n transactions.
func NewPhase(first int64, n int) *Phase {
	p := &Phase{First: first, returned: make([]atomic.Int64, n), arrived: make([]atomic.Int64, n), done: make(chan struct{})}
	p.left.Store(int64(n))
	return p
}

// Arrive records that a row has arrived. Rows of other phases and repetitions do not count. One goroutine calls it.
func (p *Phase) Arrive(id int64, at time.Time) {
	i := id - p.First
	if i < 0 || i >= int64(len(p.arrived)) || !p.arrived[i].CompareAndSwap(0, at.UnixNano()) {
		return
	}
	if p.left.Add(-1) == 0 {
		close(p.done)
	}
}

// Write writes the transactions into the table bench of the job's source, rate per second, and waits until all rows have
// arrived. It returns milliseconds by percentile, and the rate it achieved. It fails when no row arrives for the time stall;
// with stall 0 it waits until ctx ends.
func (p *Phase) Write(ctx context.Context, j *tool.Job, rate int, stall time.Duration) (map[string]float64, error) {
	n := len(p.arrived)
	took, err := load.Run(ctx, load.Plan{
		URL: j.From.URL(site.TCP), Rate: float64(rate), Count: n, Connections: connections, SQL: insert,
		Args:     func(k int) []any { return []any{p.First + int64(k)} },
		Returned: func(k int, at time.Time) { p.returned[k].Store(at.UnixNano()) },
	})
	if err != nil {
		return nil, err
	}
	if n > 0 {
		if err := p.wait(ctx, tool.NewStall(stall, nil)); errors.Is(err, tool.ErrStalled) {
			return nil, j.WithSockets(ctx, err)
		} else if err != nil {
			return nil, err
		}
	}
	out := p.percentiles()
	out["kept"] = float64(n) / took.Seconds()
	return out, nil
}

// wait waits until all rows have arrived.
func (p *Phase) wait(ctx context.Context, stall *tool.Stall) error {
	n := len(p.arrived)
	stall.Started()
	tick := time.NewTicker(tool.Tick)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%d of %d rows have not come: %w", p.left.Load(), n, context.Cause(ctx))
		case <-tick.C:
			if stall.Look(float64(int64(n) - p.left.Load())) {
				return stall.Err(n)
			}
		}
	}
}

// percentiles returns percentiles in milliseconds.
func (p *Phase) percentiles() map[string]float64 {
	ms := make([]float64, len(p.arrived))
	for i := range ms {
		ms[i] = float64(p.arrived[i].Load()-p.returned[i].Load()) / 1e6
	}
	slices.Sort(ms)
	out := map[string]float64{}
	for key, part := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1} {
		if len(ms) > 0 {
			out[key] = ms[min(len(ms)-1, int(part*float64(len(ms))))]
		}
	}
	return out
}
