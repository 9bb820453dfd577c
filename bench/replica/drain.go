package replica

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// race is one shape, with what all its runs share.
type race struct {
	*bench
	shape   shape
	backlog *site.Backlog
	seed    *site.Database // what a target begins with
	feed    string         // the topic with the backlog; "": nobody wants it
	want    string         // the digest of the table, at the end
}

const digest = "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM bench t"

// shape measures the tools on one backlog.
func (b *bench) shape(ctx context.Context, s shape) (err error) {
	r := b.setup.Book.Begin("replica", s.name, s.title)
	d, err := b.source.NewDatabase(ctx, "replica_"+s.name)
	if err != nil {
		return err
	}
	defer discard(ctx, d)
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
	defer discard(ctx, c.seed)
	if err := c.seed.Exec(ctx, s.seed(made)...); err != nil {
		return fmt.Errorf("fill the target: %w", err)
	}
	if err := c.seed.Release(ctx); err != nil {
		return err
	}
	r.Columns = columns
	r.Setting = []string{fmt.Sprintf("A backlog of %d changes, %d MiB of WAL.", c.backlog.Rows, c.backlog.Bytes>>20), explained}
	return c.all(ctx, r)
}

func (c *race) all(ctx context.Context, r *record.Report) error {
	for i := range c.setup.Runs {
		for _, name := range c.tools(tool.Tailrace, subscription, tool.JDBC) {
			figures, err := c.one(ctx, name)
			r.Line(name).Add(figures, err)
			tell(fmt.Sprintf("replica %s run %d: %s", c.shape.name, i+1, name), figures, err)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		r.Notes = nil
		ratio(r, "rows_s", tool.Tailrace, subscription, "tailrace: %.2f x the rows/s of the subscription.")
		ratio(r, "warm_rows_s", tool.Tailrace, subscription, "The same over the last 60 %%: %.2f x.")
		ratio(r, "rows_s", tool.Tailrace, tool.JDBC, "tailrace: %.1f x the rows/s of Debezium's JDBC sink.")
		ratio(r, "warm_rows_s", tool.Tailrace, tool.JDBC, "The same over the last 60 %%: %.1f x.")
		if err := c.setup.Book.Save(r); err != nil {
			return err
		}
	}
	return c.drop()
}

// one lets a tool apply the backlog once.
func (c *race) one(ctx context.Context, name string) (figures map[string]float64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.setup.Limit, fmt.Errorf("not done after %s", c.setup.Limit))
	defer cancel()
	j := tool.Job{Name: c.name("replica"), From: c.backlog, Over: site.TCP, Sink: tool.Sink{Kind: tool.Tables}}
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
	defer discard(ctx, j.Into)
	if err := j.Into.Exec(ctx, "SET enable_seqscan = off"); err != nil { // the harness's own questions
		return nil, err
	}
	p, err := c.start(ctx, name, j)
	if err != nil {
		return nil, err
	}
	figures, err = c.drain(ctx, j, p)
	if gone := p.Stop(ctx); err == nil && gone != nil {
		return nil, fmt.Errorf("clean up: %w", gone)
	}
	return figures, err
}

// fill has Debezium write the backlog into the topic that all runs of the JDBC sink read: what it costs is not counted, and
// it is not there to take the machine from the sink.
func (c *race) fill(ctx context.Context) error {
	if c.feed != "" {
		return nil
	}
	j := tool.Job{
		Name: c.name("feed"), From: c.backlog, Over: site.TCP, Keep: true,
		Sink: tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: tool.JSONSchemas},
	}
	figures, err := drain.One(ctx, c.setup, c.binaries, tool.Debezium, j)
	if err != nil {
		return err
	}
	drain.Tell("replica "+c.shape.name+": fill a topic", figures, nil)
	c.feed = j.Name + ".public.bench"
	return nil
}

func (c *race) drop() error {
	if c.feed == "" {
		return nil
	}
	return c.source.DropTopics(strings.TrimSuffix(c.feed, "bench"))
}

// drain watches until all rows are visible in the target.
func (c *race) drain(ctx context.Context, j tool.Job, p program) (map[string]float64, error) {
	w, began := newWatch(j, p), time.Now()
	var samples []tool.Sample
	for reached := int64(0); ; {
		s, err := w.look(ctx, float64(reached))
		if err != nil {
			return nil, err
		}
		if reached == 0 && (j.Feed != "" || w.sender == 0) { // the clock starts with the last look before it works
			samples = samples[:0]
		}
		samples = append(samples, s)
		if reached == int64(c.backlog.Rows) {
			break
		}
		if err := p.Look(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("after %d rows: %w", reached, context.Cause(ctx))
		case <-time.After(tick):
		}
		if err := j.Into.Row(ctx, "SELECT bench_reached($1, $2)", []any{reached, c.backlog.Rows}, &reached); err != nil {
			return nil, err
		}
	}
	out := tool.Costs(samples, c.backlog.Rows)
	if p.Pid() == 0 {
		delete(out, "tool_us")
	}
	if j.Feed != "" {
		delete(out, "sender_us")
	}
	out["start_s"] = samples[0].At.Sub(began).Seconds()
	out["rss_mb"] = float64(w.peak) / 1e6
	return out, c.same(ctx, j.Into)
}

// same says whether the target has what the source has.
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

// discard drops a database at the end.
func discard(ctx context.Context, d *site.Database) {
	if err := d.Drop(ctx); err != nil {
		site.Say("drop %s: %v", d.Name, err)
	}
}

// tell prints what a run came to.
func tell(what string, figures map[string]float64, err error) {
	if err != nil {
		site.Say("%s: FAILED: %v", what, err)
		return
	}
	site.Say("%s: %.0f rows/s, warm %.0f; CPU us/row %.2f, target %.2f, walsender %.2f; %.0f MB", what, figures["rows_s"],
		figures["warm_rows_s"], figures["tool_us"], figures["target_us"], figures["sender_us"], figures["rss_mb"])
}

const explained = "From when a tool's walsender has the slot until all rows are visible in the target, whose table is then compared; " +
	"warm is over the last 60 % of the rows. The JDBC sink reads a topic that Debezium has filled before, from when its first rows " +
	"are visible: what comes before it in its line costs it nothing here. A subscription's CPU is that of the target's backend; its " +
	"memory is without what is shared."

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
