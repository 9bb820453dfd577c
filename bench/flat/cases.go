package flat

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/bench/drain"
	"github.com/tailrace/tailrace/bench/record"
	"github.com/tailrace/tailrace/bench/site"
	"github.com/tailrace/tailrace/bench/tool"
)

// costs are the columns of the drains.
var costs = []record.Column{
	{Key: "tool_us", Title: "CPU us/row", Digits: 2, Spread: true},
	{Key: "warm_tool_us", Title: "last 60 %", Digits: 2},
	{Key: "rows_s", Title: "rows/s"},
	{Key: "sender_us", Title: "walsender", Digits: 2},
	{Key: "rss_mb", Title: "peak MB"},
}

func (b *bench) overTables(ctx context.Context, r *record.Report) error {
	r.Columns = costs
	r.Setting = []string{fmt.Sprintf("%s rows in transactions of 1,000, in runs of 100 that go round the tables; one topic, one partition, json.", record.Count(b.rows))}
	s := &series{report: r, key: "tool_us"}
	defer b.discard(ctx, s)
	for _, n := range b.tables {
		from, err := b.backlog(ctx, fmt.Sprintf("bench_tables%d", n), spread(n, b.rows))
		if err != nil {
			return err
		}
		s.lines = append(s.lines, line{plural(n, "table") + " into nothing", from, tool.Sink{Kind: tool.None}})
		s.lines = append(s.lines, line{plural(n, "table") + " into Kafka", from, bus})
	}
	return b.measure(ctx, s)
}

// spread distributes rows over tables in runs of 100.
func spread(tables, rows int) site.Shape {
	n := max(1, rows/1000)
	s := drain.Tables(tables)
	s.Rows = n * 1000
	s.Fill = []string{fmt.Sprintf(`DO $$ DECLARE first bigint; BEGIN FOR i IN 0..%d LOOP
		FOR k IN 0..9 LOOP
			first := (i::bigint * 10 + k) * 100 + 1;
			EXECUTE 'INSERT INTO bench' || (i::bigint * 10 + k) %% %d || ' SELECT g, g %% 1000, ''paid'', g / 7.0,
				''a note of some forty characters, no. '' || g, now() FROM generate_series(' || first || ', ' || first + 99 || ') g';
		END LOOP; COMMIT; END LOOP; END $$`, n-1, tables)}
	return s
}

func (b *bench) overSinks(ctx context.Context, r *record.Report) error {
	r.Columns = append([]record.Column{{Key: "sink_us", Title: "CPU us/row and sink", Digits: 2, Spread: true}}, costs...)
	r.Setting = []string{fmt.Sprintf("%s rows in transactions of 1,000; each sink into a topic of its own, one partition, json.", record.Count(b.rows))}
	s := &series{report: r, key: "sink_us"}
	defer b.discard(ctx, s)
	from, err := b.backlog(ctx, "bench_sinks", drain.Inserts(1000)(b.rows))
	if err != nil {
		return err
	}
	for _, n := range b.sinks {
		k := bus
		k.Count = n
		s.lines = append(s.lines, line{plural(n, "sink"), from, k})
	}
	return b.measure(ctx, s)
}

func (b *bench) overMemory(ctx context.Context, r *record.Report) error {
	r.Columns = []record.Column{
		{Key: "rss_mb", Title: "peak MB", Spread: true}, {Key: "rows_s", Title: "rows/s"}, {Key: "tool_us", Title: "CPU us/row", Digits: 2},
	}
	r.Setting = []string{fmt.Sprintf("One transaction, or of smaller ones as many as make %s rows; into Kafka, one partition, json, with the default window.", record.Count(b.rows))}
	s := &series{report: r, key: "rss_mb"}
	defer b.discard(ctx, s)
	for _, n := range b.huge {
		from, err := b.backlog(ctx, fmt.Sprintf("bench_memory%d", n), drain.Inserts(n)(max(n, b.rows)))
		if err != nil {
			return err
		}
		s.lines = append(s.lines, line{plural(n, "row"), from, bus})
	}
	return b.measure(ctx, s)
}

func (b *bench) overStart(ctx context.Context, r *record.Report) error {
	r.Columns = []record.Column{
		{Key: "all_s", Title: "seconds", Digits: 2, Spread: true}, {Key: "start_s", Title: "to the stream", Digits: 2}, {Key: "rss_mb", Title: "peak MB"},
	}
	r.Setting = []string{"One row waits. The publication and the slot are there; the sink has no record yet."}
	s := &series{report: r, key: "all_s"}
	defer b.discard(ctx, s)
	// the large catalogue first: after its row, a walsender goes on with what was written later
	for _, catalogue := range []int{b.catalogue, 0} {
		var lines []line
		for _, published := range b.published {
			from, err := b.backlog(ctx, fmt.Sprintf("bench_start%d_%d", published, catalogue), catalogued(published, catalogue))
			if err != nil {
				return err
			}
			name := plural(published, "table") + " published"
			if catalogue > 0 {
				name += fmt.Sprintf(", %s in the catalogue", record.Count(catalogue))
			}
			lines = append(lines, line{name, from, bus})
		}
		s.lines = append(lines, s.lines...)
	}
	return b.measure(ctx, s)
}

// catalogued is one row, in a database with n other tables.
func catalogued(published, catalogue int) site.Shape {
	s := drain.Tables(published)
	s.Rows, s.Publish = 1, "FOR TABLE "+strings.Join(s.Tables, ", ")
	s.Before = append(s.Before, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
		EXECUTE 'CREATE TABLE other' || i || ' (id int)'; IF i %% 500 = 0 THEN COMMIT; END IF; END LOOP; END $$`, catalogue), "ANALYZE pg_class", "ANALYZE pg_attribute")
	s.Fill = []string{fmt.Sprintf(drain.Insert, "bench0", "1", "1")}
	return s
}
