package replica

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// race is one shape, with what all its runs share.
type race struct {
	*bench
	shape   shape
	backlog *site.Backlog
	seed    *site.Database // what a target contains at the start
	feed    string         // the topic with the backlog; "": no tool reads it
	want    string         // the digest of the table, at the end
}

const digest = "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM bench t"

// shape measures the tools on one backlog.
func (b *bench) shape(ctx context.Context, s shape, r *record.Report) error {
	d, err := b.NewDatabase(ctx, "replica_"+s.name)
	if err != nil {
		return err
	}
	defer b.Setup.Discard(ctx, r, d)
	made := s.make(max(1, int(float64(b.rows)*s.share)))
	c := &race{bench: b, shape: s}
	if c.backlog, err = d.Fill(ctx, made); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if err := d.Row(ctx, digest, nil, &c.want); err != nil {
		return fmt.Errorf("read the table's digest: %w", err)
	}
	if c.seed, err = b.target.NewDatabase(ctx, "seed_"+s.name); err != nil {
		return err
	}
	defer b.Setup.Discard(ctx, r, c.seed)
	if err := c.seed.Exec(ctx, s.seed(made)...); err != nil {
		return fmt.Errorf("fill the target: %w", err)
	}
	if err := c.seed.Release(ctx); err != nil {
		return err
	}
	r.Columns = columns
	r.Setting = []string{c.backlog.String(), explained}
	defer c.drop(r)
	return c.Rounds(ctx, r, c.lines(c.one, tool.Tailrace, rig.Subscription, tool.JDBC), compare)
}

func compare(r *record.Report) {
	r.Note("tailrace: %.2f x the rows/s of the subscription.", "rows_s", tool.Tailrace, rig.Subscription)
	r.Note("The same over the last 60 %%: %.2f x.", "warm_rows_s", tool.Tailrace, rig.Subscription)
	r.Note("tailrace: %.1f x the rows/s of Debezium's JDBC sink.", "rows_s", tool.Tailrace, tool.JDBC)
	r.Note("The same over the last 60 %%: %.1f x.", "warm_rows_s", tool.Tailrace, tool.JDBC)
}

// one runs a tool once over the backlog.
func (c *race) one(ctx context.Context, name string) (figures map[string]float64, err error) {
	j := tool.Job{Name: c.Name("replica"), From: c.backlog, Over: site.TCP, Sink: tool.Sink{Kind: tool.Tables}}
	if name == tool.JDBC {
		if err := c.fill(ctx); err != nil {
			return nil, fmt.Errorf("fill the topic: %w", err)
		}
		j.Feed, j.Sink.Format = c.feed, tool.JSONSchemas
	} else if err := c.backlog.CopySlot(ctx, c.backlog.Base(), j.Name); err != nil {
		return nil, err
	}
	if j.Into, err = c.target.CopyDatabase(ctx, j.Name, c.seed.Name); err != nil {
		return nil, err
	}
	defer rig.CleanUp(ctx, &err, j.Into.Drop)
	if err := j.Into.Exec(ctx, "SET enable_seqscan = off"); err != nil { // for the harness's own queries
		return nil, err
	}
	p, err := c.begin(ctx, name, j)
	if err != nil {
		return nil, err
	}
	defer rig.CleanUp(ctx, &err, p.Stop)
	return c.drain(ctx, j, p)
}

// fill has Debezium write the backlog into the topic that all runs of the JDBC sink read. Its cost is not counted, and
// it has stopped before the sink starts.
func (c *race) fill(ctx context.Context) error {
	if c.feed != "" {
		return nil
	}
	j := tool.Job{
		Name: c.Name("feed"), From: c.backlog, Over: site.TCP, Keep: true,
		Sink: tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: tool.JSONSchemas},
	}
	if _, err := c.Drain(ctx, tool.Debezium, j); err != nil {
		return err
	}
	c.feed = j.Name + ".public.bench"
	return nil
}

// drop removes the topic that fill has created.
func (c *race) drop(of *record.Report) {
	if c.feed == "" {
		return
	}
	if err := c.DropTopics(strings.TrimSuffix(c.feed, "bench")); err != nil {
		c.Setup.Fail(rig.Failure{Part: of.Part, Case: of.Case, Reason: err.Error()})
	}
}

// drain waits until all rows are visible in the target.
func (c *race) drain(ctx context.Context, j tool.Job, p program) (map[string]float64, error) {
	w, course, stall := newWatch(j, p), tool.Course{Began: time.Now()}, j.NewStall(ctx, c.Setup.Stall)
	for reached := int64(0); ; {
		s, err := w.takeSample(ctx, float64(reached))
		if err != nil {
			return nil, err
		}
		if reached == 0 && (j.Feed != "" || w.sender == 0) { // the clock starts with the last sample before the tool works
			course.Samples = course.Samples[:0]
		}
		course.Samples = append(course.Samples, s)
		if reached == int64(c.backlog.Rows) {
			break
		}
		if err := p.Look(); err != nil {
			return nil, err
		}
		if stall.Look(float64(reached)) {
			return nil, j.WithSockets(ctx, stall.Err(c.backlog.Rows))
		}
		if err := tool.Pause(ctx, fmt.Sprintf("wait for the rows, after %d", reached)); err != nil {
			return nil, err
		}
		if err := j.Into.Row(ctx, "SELECT bench_reached($1, $2)", []any{reached, c.backlog.Rows}, &reached); err != nil {
			return nil, err
		}
	}
	course.Peak = w.peak
	out := course.Costs(c.backlog.Rows)
	if p.Pid() == 0 {
		delete(out, "tool_us")
	}
	if j.Feed != "" {
		delete(out, "sender_us")
	}
	return out, c.same(ctx, j.Into)
}

// same reports whether the target has the same content as the source.
func (c *race) same(ctx context.Context, d *site.Database) error {
	var got string
	if err := d.Row(ctx, digest, nil, &got); err != nil {
		return fmt.Errorf("read the table's digest: %w", err)
	}
	if got != c.want {
		return fmt.Errorf("the tables differ: rows and digest are %s, not %s", got, c.want)
	}
	return nil
}

const explained = "The JDBC sink reads a topic that Debezium has filled before, from when its first rows are visible: what comes " +
	"before it in its line costs it nothing here. A subscription's CPU is that of the target's backend."

var columns = []record.Column{
	{Key: "rows_s", Title: "rows/s", Spread: true},
	{Key: "warm_rows_s", Title: "warm", Spread: true},
	{Key: "tool_us", Title: "CPU us/row", Digits: 2},
	{Key: "target_us", Title: "target's backend", Digits: 2},
	{Key: "warm_target_us", Title: "warm", Digits: 2},
	{Key: "sender_us", Title: "walsender", Digits: 2},
	{Key: "rss_mb", Title: "peak MB"},
	{Key: "start_s", Title: "start s", Digits: 1},
}
