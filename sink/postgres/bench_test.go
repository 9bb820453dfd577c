package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/transform"
)

var wide = &capture.Table{
	Schema: "public", Name: "wide", Key: []int{0}, Columns: []capture.Column{
		{Name: "id", Type: &capture.Type{Schema: "pg_catalog", Name: "int8"}, Key: true, Identity: true},
		{Name: "a", Type: &capture.Type{Schema: "pg_catalog", Name: "int4"}},
		{Name: "b", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}},
		{Name: "c", Type: &capture.Type{Schema: "pg_catalog", Name: "text"}},
		{Name: "d", Type: &capture.Type{Schema: "pg_catalog", Name: "numeric"}},
		{Name: "e", Type: &capture.Type{Schema: "pg_catalog", Name: "timestamptz"}},
	},
}

// BenchmarkRows writes rows to a real target through a Writer: rows per second, by operation and by rows per transaction.
func BenchmarkRows(b *testing.B) {
	needServers(b)
	s := testenv.SharedPostgres(b, testenv.Newest)
	for _, tx := range []int{1, 1000} {
		for _, op := range []capture.Op{capture.Insert, capture.Update, capture.Delete} {
			b.Run(fmt.Sprintf("%s-%d", op, tx), func(b *testing.B) { benchmarkRows(b, s, op, tx) })
		}
	}
}

func benchmarkRows(b *testing.B, s *testenv.PostgresServer, op capture.Op, tx int) {
	database := testenv.NewDatabase(b, s)
	s.ExecIn(b, database, "CREATE TABLE wide (id int8 PRIMARY KEY, a int4, b text, c text, d numeric, e timestamptz)")
	if op != capture.Insert {
		s.ExecIn(b, database, fmt.Sprintf(`INSERT INTO wide SELECT n, n, 'some text of a row', repeat('x', 40), n / 7.0, now()
			FROM generate_series(0, %d) n`, b.N), "VACUUM ANALYZE wide")
	}
	held := make(chan capture.Position, 1)
	k := newSink(b, postgres.Options{URL: s.URL(database)})
	w, _, err := k.Open(b.Context(), sink.Lane{Name: "main", Failed: func(err error) { b.Error(err) }, OnDurable: func(p capture.Position) {
		select {
		case <-held:
		default:
		}
		held <- p
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	text := func(s string) capture.Value { return capture.Value{Kind: capture.Text, Bytes: []byte(s)} }
	var batches []sink.Batch
	for from := 0; from < b.N; {
		var batch sink.Batch
		for len(batch.Events) < 1000 && from < b.N {
			shared := &capture.Tx{LSN: capture.LSN(0x1000 + 16*from), Time: time.Unix(1_700_000_000, 0)}
			for i := range min(tx, b.N-from) {
				row := []capture.Value{text(fmt.Sprint(from + i)), text("42"), text("another text"), text("01234567890123456789"), text("123.456"), text("2026-01-01 00:00:00+00")}
				c := &capture.Change{Tx: shared, Seq: uint64(i), Op: op, Table: wide, After: row}
				if op == capture.Delete {
					c.Before, c.After = row, nil
					for i := range row[1:] {
						row[i+1] = capture.Value{Kind: capture.Absent}
					}
				}
				batch.Events = append(batch.Events, transform.Event{Change: c})
			}
			from += tx
			batch.End, batch.Commit = capture.Position{LSN: shared.LSN + 8}, true
		}
		batches = append(batches, batch)
	}
	b.ResetTimer()
	for i := range batches {
		if err := w.Write(b.Context(), batches[i:i+1]); err != nil {
			b.Fatal(err)
		}
	}
	for p := range held {
		if !p.Before(batches[len(batches)-1].End) {
			break
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
