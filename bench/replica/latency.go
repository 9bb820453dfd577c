package replica

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/latency"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// pause is between two looks into the target.
const pause = 500 * time.Microsecond

// warming is how long transactions run before they are measured, in seconds, unless those are fewer.
const warming = 3

// delay is the case that measures how long commits take.
type delay struct {
	*bench
	from *site.Backlog
	seed *site.Database
	next int64 // id
}

// latency measures how long a commit takes until its row is visible in the target.
func (b *bench) latency(ctx context.Context) error {
	r := b.setup.Book.Begin("replica", "latency", fmt.Sprintf("%d transactions of one row a second", b.rate))
	r.Columns = latency.Columns
	r.Setting = []string{
		"Milliseconds from the commit's return on the client until the row is visible in the target, which is looked at every half",
		"millisecond; an open loop of writers, synchronous_commit and fsync on in both servers.",
	}
	d, err := b.source.NewDatabase(ctx, "replica_latency")
	if err != nil {
		return err
	}
	defer discard(ctx, d)
	table := site.Shape{Tables: []string{"bench"}, Before: []string{fmt.Sprintf(drain.Orders, "bench")}}
	c := &delay{bench: b}
	if c.from, err = d.Fill(ctx, table); err != nil {
		return err
	}
	c.from.End = ""
	if err := d.DropSlot(ctx, d.Base()); err != nil { // each run has a slot of its own
		return err
	}
	if c.seed, err = b.target.NewDatabase(ctx, "seed_latency"); err != nil {
		return err
	}
	defer discard(ctx, c.seed)
	if err := c.seed.Exec(ctx, append(table.Before, "CREATE TABLE last (id int PRIMARY KEY)")...); err != nil {
		return err
	}
	if err := c.seed.Release(ctx); err != nil {
		return err
	}
	return c.all(ctx, r)
}

func (c *delay) all(ctx context.Context, r *record.Report) error {
	for i := range c.setup.Runs {
		for _, name := range c.tools(tool.Tailrace, subscription) {
			out, err := c.one(ctx, name)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.Line(name).Add(out, err)
			what := fmt.Sprintf("replica latency run %d: %s", i+1, name)
			if err != nil {
				site.Say("%s: FAILED: %v", what, err)
				continue
			}
			site.Say("%s, %d a second (%.0f kept): p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f ms", what, c.rate, out["kept"],
				out["p50"], out["p90"], out["p99"], out["p999"], out["max"])
		}
		r.Notes = nil
		ratio(r, "p50", tool.Tailrace, subscription, "tailrace: %.2f of the subscription's p50.")
		ratio(r, "p99", tool.Tailrace, subscription, "And %.2f of its p99.")
		if err := c.setup.Book.Save(r); err != nil {
			return err
		}
	}
	return nil
}

// one measures a tool.
func (c *delay) one(ctx context.Context, name string) (out map[string]float64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.setup.Limit, fmt.Errorf("not done after %s", c.setup.Limit))
	defer cancel()
	j := tool.Job{Name: c.name("latency"), From: c.from, Over: site.TCP, Sink: tool.Sink{Kind: tool.Tables}}
	if err := c.from.Slot(ctx, j.Name); err != nil {
		return nil, err
	}
	if j.Into, err = c.target.CopyDatabase(ctx, j.Name, c.seed.Name); err != nil {
		return nil, err
	}
	defer discard(ctx, j.Into)
	p, err := c.start(ctx, name, j)
	if err != nil {
		return nil, err
	}
	defer p.Stop(ctx)
	w := newWatch(j, p)
	for w.sender == 0 {
		if _, err := w.look(ctx, 0); err != nil {
			return nil, err
		}
		if err := p.Look(); err != nil {
			return nil, err
		}
		time.Sleep(tick)
	}
	if _, err := c.phase(ctx, j.Into, c.rate*min(warming, c.seconds)); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	before, err := w.look(ctx, 0)
	if err != nil {
		return nil, err
	}
	n := c.rate * c.seconds
	if out, err = c.phase(ctx, j.Into, n); err != nil {
		return nil, err
	}
	after, err := w.look(ctx, 0)
	out["tool_us"] = float64((after.Tool - before.Tool).Microseconds()) / float64(n)
	out["target_us"] = float64((after.Target - before.Target).Microseconds()) / float64(n)
	out["sender_us"] = float64((after.Sender - before.Sender).Microseconds()) / float64(n)
	out["rss_mb"] = float64(w.peak) / 1e6
	return out, err
}

// phase writes n transactions while the target is looked at.
func (c *delay) phase(ctx context.Context, target *site.Database, n int) (map[string]float64, error) {
	p := latency.NewPhase(c.next+1, n)
	c.next += int64(n)
	ctx, stop := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := look(ctx, target, p); err != nil {
			stop(fmt.Errorf("look into the target: %w", err))
		}
	}()
	out, err := p.Write(ctx, c.from.URL(site.TCP), c.rate)
	stop(nil)
	<-ended
	return out, err
}

// look tells a phase which rows are visible, until ctx ends. Rows come nearly in order: what lies above the last one that
// has no gap below it is asked for again.
func look(ctx context.Context, target *site.Database, p *latency.Phase) error {
	c, err := target.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan"); err != nil {
		return err
	}
	for whole := p.First - 1; ctx.Err() == nil; time.Sleep(pause) {
		rows, err := c.Query(ctx, "SELECT id FROM bench WHERE id > $1 ORDER BY id", strconv.FormatInt(whole, 10))
		if err != nil {
			return unlessOver(ctx, err)
		}
		for at := time.Now(); rows.Next(); {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return unlessOver(ctx, err)
			}
			p.Arrive(id, at)
			if id == whole+1 {
				whole = id
			}
		}
		if err = rows.Err(); err != nil {
			return unlessOver(ctx, err)
		}
	}
	return nil
}

// unlessOver is err, unless it is because there is nothing more to look at.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
