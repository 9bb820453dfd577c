package decode

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/pgoutput"
	"github.com/tailrace/tailrace/internal/testenv"
)

// BenchmarkPreload is the start of a connection with a publication of 1,000 tables of 10 columns.
func BenchmarkPreload(b *testing.B) {
	s := testenv.Postgres(b)
	db := testenv.NewDatabase(b, s)
	s.ExecIn(b, db, `DO $$ BEGIN FOR i IN 1..1000 LOOP
		EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, a int, b text, c numeric, d timestamptz NOT NULL,
			e uuid, f jsonb, g text[], h bool, i bytea)', i);
	END LOOP; END $$`, "CREATE PUBLICATION p FOR ALL TABLES", "ANALYZE")
	conn, err := pgx.Connect(b.Context(), s.URL(db))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(b.Context()))
	r := NewRelations(nil, nil, "")
	for b.Loop() {
		if err := r.Preload(b.Context(), conn, "p"); err != nil {
			b.Fatal(err)
		}
	}
	if n := len(r.read.oids()); n != 1000 {
		b.Fatalf("%d tables", n)
	}
}

// BenchmarkTable is the look-up that each row does, in a stream that goes round 1,000 tables.
func BenchmarkTable(b *testing.B) {
	r := NewRelations(nil, nil, "")
	for id := range uint32(1000) {
		r.describe(&pgoutput.Relation{ID: id, Identity: 'd', Name: fmt.Sprint(id)}, description{}, true)
	}
	b.Run("same", func(b *testing.B) {
		for b.Loop() {
			_, _ = r.table(7, capture.Insert)
		}
	})
	b.Run("changing", func(b *testing.B) {
		for i := uint32(0); b.Loop(); i++ {
			_, _ = r.table(i%1000, capture.Insert)
		}
	})
}

// BenchmarkFirstChange is the first change of each of 1,000 tables, each in a transaction of its own: all before the first is read, or
// each just before it is.
func BenchmarkFirstChange(b *testing.B) {
	s := testenv.Postgres(b)
	db := testenv.NewDatabase(b, s)
	s.ExecIn(b, db, `DO $$ BEGIN FOR i IN 1..1000 LOOP
		EXECUTE format('CREATE TABLE t%s (id bigint PRIMARY KEY, a int, b text, c numeric, d timestamptz NOT NULL,
			e uuid, f jsonb, g text[], h bool, i bytea)', i);
	END LOOP; END $$`, "CREATE PUBLICATION p FOR ALL TABLES", "ANALYZE")
	conn, err := pgx.Connect(b.Context(), s.URL(db))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(b.Context()))
	r := NewRelations(func(_ context.Context, use func(*pgx.Conn) error) error { return use(conn) }, nil, "")
	next := func() (xid uint32) {
		if err := conn.QueryRow(b.Context(), "SELECT pg_current_xact_id()::text::int8").Scan(&xid); err != nil {
			b.Fatal(err)
		}
		return xid
	}
	for _, each := range []bool{false, true} {
		b.Run(map[bool]string{false: "backlog", true: "each"}[each], func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if err := r.Preload(b.Context(), conn, "p"); err != nil {
					b.Fatal(err)
				}
				xid := next()
				b.StartTimer()
				for _, oid := range r.read.oids() {
					if each {
						b.StopTimer()
						xid = next()
						b.StartTimer()
					}
					if _, err := r.message(b.Context(), xid, &pgoutput.Relation{ID: oid, Identity: 'd'}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
