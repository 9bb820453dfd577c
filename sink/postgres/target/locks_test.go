package target

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
)

// TestLocksExhausted creates more tables in one transaction than a server has locks for, and again after the fix.
func TestLocksExhausted(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.Postgres(t, testenv.Setting("max_locks_per_transaction", "10"), testenv.Setting("max_connections", "20"))
	r := &rig{t: t, target: server, to: testenv.NewDatabase(t, server)}
	var tables []*capture.Table
	integer := &capture.Type{OID: 23, Schema: "pg_catalog", Name: "int4"}
	for i := range 1000 {
		tables = append(tables, &capture.Table{
			OID: uint32(20000 + i), Schema: "public", Name: fmt.Sprintf("t%d", i), Key: []int{0},
			Columns: []capture.Column{{Name: "id", Number: 1, Type: integer, Modifier: -1, Key: true, Identity: true}},
		})
	}
	c := &Catalog{Pipeline: "p", Sink: "s"}
	create := func() error {
		r.connect()
		r.must(exec(t.Context(), r.conn, "BEGIN"))
		_, err := c.Relations(t.Context(), r.conn, tables)
		if err == nil {
			err = exec(t.Context(), r.conn, "COMMIT")
		}
		return err
	}
	p := wantProblem(t, create(), "locks_exhausted", "public.t", "max_locks_per_transaction")
	server.ExecIn(t, r.to, p.Fix)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	r.must(create())
}
