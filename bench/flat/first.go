package flat

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/rig"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// overFirst measures the first change of each of many tables, and a start after that.
func (b *bench) overFirst(ctx context.Context, r *record.Report) error {
	r.Columns = []record.Column{
		{Key: "all_s", Title: "seconds", Digits: 2, Spread: true},
		{Key: "start_s", Title: "to the stream", Digits: 2},
		{Key: "tool_s", Title: "CPU s", Digits: 2},
		{Key: "again_s", Title: "started again", Digits: 2, Spread: true},
		{Key: "rss_mb", Title: "peak MB"},
	}
	r.Setting = []string{"One row of each table waits, in a transaction of its own; until all are held. Then the daemon is started again, until it streams."}
	most := b.published[len(b.published)-1]
	from, err := b.backlog(ctx, fmt.Sprintf("bench_first%d", most), once(most))
	if err != nil {
		return err
	}
	defer b.Setup.Discard(ctx, r, from.Database)
	b.Warm(ctx, r, from)
	kafka := tool.Sink{Kind: tool.Kafka, Partitions: 1, Format: "json"}
	creates := kafka
	creates.Creates = true
	var lines []rig.Line
	for _, l := range []struct {
		name string
		sink tool.Sink
	}{
		{"into Kafka, the topics exist", kafka},
		{"into Kafka, the topics are created", creates},
		{"into a replica, the tables are created", tool.Sink{Kind: tool.Tables}},
	} {
		lines = append(lines, rig.Line{Name: plural(most, "table") + " " + l.name, Run: func(ctx context.Context) (map[string]float64, error) {
			return b.first(ctx, from, l.sink)
		}})
	}
	return b.Rounds(ctx, r, lines, nil)
}

// first drains from once, and starts the daemon again.
func (b *bench) first(ctx context.Context, from *site.Backlog, into tool.Sink) (figures map[string]float64, err error) {
	j := tool.Job{Name: b.Name("first"), From: from, Over: site.TCP, Sink: into}
	if err := from.CopySlot(ctx, from.Base(), j.Name); err != nil {
		return nil, err
	}
	if into.Kind == tool.Tables {
		if j.Into, err = b.NewDatabase(ctx, j.Name); err != nil {
			return nil, err
		}
		defer rig.CleanUp(ctx, &err, j.Into.Drop)
	}
	p, err := b.Start(ctx, tool.Tailrace, j)
	if err != nil {
		return nil, err
	}
	defer rig.CleanUp(ctx, &err, p.Stop)
	if figures, err = p.Drain(ctx); err != nil {
		return nil, err
	}
	figures["tool_s"] = figures["tool_us"] * float64(from.Rows) / 1e6
	again, err := p.Again(ctx)
	figures["again_s"] = again.Seconds()
	return figures, err
}

// once is one row in each table, each in its own transaction.
func once(tables int) site.Shape {
	s := drain.Tables(tables)
	s.Rows = tables
	s.Fill = []string{fmt.Sprintf(`DO $$ BEGIN FOR i IN 0..%d LOOP
		EXECUTE 'INSERT INTO bench' || i || ' SELECT 1, 1, ''paid'', 1.0, ''a note'', now()'; COMMIT; END LOOP; END $$`, tables-1)}
	return s
}
