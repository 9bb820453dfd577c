package replica

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/latency"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// pause is the time between two queries to the target.
const pause = 500 * time.Microsecond

// warming is how many seconds of transactions run before those that are measured, unless those are fewer.
const warming = 3

// delay is the case that measures the latency of commits.
type delay struct {
	*bench
	from *site.Backlog
	seed *site.Database
	next int64 // id
}

// latency measures the time from a commit until its row is visible in the target.
func (b *bench) latency(ctx context.Context, r *record.Report) error {
	r.Columns = append(latency.Columns[:len(latency.Columns):len(latency.Columns)], record.Column{Key: "target_us", Title: "target's backend"})
	r.Setting = []string{
		"Milliseconds from the commit's return on the client until the row is visible in the target, which is looked at every half",
		"millisecond; an open loop of writers, synchronous_commit and fsync on in both servers.",
	}
	d, err := b.NewDatabase(ctx, "replica_latency")
	if err != nil {
		return err
	}
	defer b.Setup.Discard(ctx, r, d)
	table := site.Shape{Tables: []string{"bench"}, Before: []string{fmt.Sprintf(drain.Orders, "bench")}}
	c := &delay{bench: b}
	if c.from, err = d.Stream(ctx, table); err != nil {
		return err
	}
	if c.seed, err = b.target.NewDatabase(ctx, "seed_latency"); err != nil {
		return err
	}
	defer b.Setup.Discard(ctx, r, c.seed)
	if err := c.seed.Exec(ctx, append(table.Before, "CREATE TABLE last (id int PRIMARY KEY)")...); err != nil {
		return err
	}
	if err := c.seed.Release(ctx); err != nil {
		return err
	}
	return c.Rounds(ctx, r, c.lines(c.one, tool.Tailrace, rig.Subscription), func(r *record.Report) {
		r.Note("tailrace: %.2f of the subscription's p50.", "p50", tool.Tailrace, rig.Subscription)
		r.Note("And %.2f of its p99.", "p99", tool.Tailrace, rig.Subscription)
	})
}

// one measures a tool.
func (c *delay) one(ctx context.Context, name string) (out map[string]float64, err error) {
	j := tool.Job{Name: c.Name("latency"), From: c.from, Over: site.TCP, Sink: tool.Sink{Kind: tool.Tables}}
	if err := c.from.Slot(ctx, j.Name); err != nil {
		return nil, err
	}
	if j.Into, err = c.target.CopyDatabase(ctx, j.Name, c.seed.Name); err != nil {
		return nil, err
	}
	defer rig.CleanUp(ctx, &err, j.Into.Drop)
	p, err := c.begin(ctx, name, j)
	if err != nil {
		return nil, err
	}
	defer rig.CleanUp(ctx, &err, p.Stop)
	w := newWatch(j, p)
	if err := w.await(ctx, c.Setup.Stall); err != nil {
		return nil, err
	}
	if _, err := c.phase(ctx, j, c.rate*min(warming, c.seconds)); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	before, err := w.takeSample(ctx, 0)
	if err != nil {
		return nil, err
	}
	n := c.rate * c.seconds
	if out, err = c.phase(ctx, j, n); err != nil {
		return nil, err
	}
	after, err := w.takeSample(ctx, 0)
	maps.Copy(out, tool.Between(before, after, n))
	if p.Pid() == 0 {
		delete(out, "tool_us") // all of it belongs to the target
	}
	out["rss_mb"] = float64(w.peak) / 1e6
	return out, err
}

// phase writes n transactions while it polls the target.
func (c *delay) phase(ctx context.Context, j tool.Job, n int) (map[string]float64, error) {
	p := latency.NewPhase(c.next+1, n)
	c.next += int64(n)
	ctx, stop := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := pollRows(ctx, j.Into, p); err != nil {
			stop(fmt.Errorf("look into the target: %w", err))
		}
	}()
	out, err := p.Write(ctx, &j, c.rate, c.Setup.Stall)
	stop(nil)
	<-ended
	return out, err
}

// pollRows tells a phase which rows are visible, until ctx ends. Rows arrive nearly in order: those above the last row without
// a gap below it are queried again.
func pollRows(ctx context.Context, target *site.Database, p *latency.Phase) error {
	c, err := target.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan"); err != nil {
		return err
	}
	for contiguous := p.First - 1; ctx.Err() == nil; time.Sleep(pause) {
		rows, err := c.Query(ctx, "SELECT id FROM bench WHERE id > $1 ORDER BY id", strconv.FormatInt(contiguous, 10))
		if err != nil {
			return unlessOver(ctx, err)
		}
		for at := time.Now(); rows.Next(); {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return unlessOver(ctx, err)
			}
			p.Arrive(id, at)
			if id == contiguous+1 {
				contiguous = id
			}
		}
		if err = rows.Err(); err != nil {
			return unlessOver(ctx, err)
		}
	}
	return nil
}

// unlessOver returns err, unless the cause is that the phase has ended.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
