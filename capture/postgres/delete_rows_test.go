package postgres

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
)

// Rows are deleted by keys of several columns, of whatever types and names. Rows that do not exist are no error.
func TestDeleteRows(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			server := testenv.SharedPostgres(t, version)
			database := testenv.NewDatabase(t, server)
			server.ExecIn(t, database, `CREATE SCHEMA "My Shop"`, `CREATE TYPE "My Shop"."Kind" AS ENUM ('a', 'b''c')`,
				`CREATE TABLE "My Shop"."Out""box" ("The Id" uuid, kind "My Shop"."Kind", day date, note text, PRIMARY KEY (kind, "The Id", day))`,
				`INSERT INTO "My Shop"."Out""box" SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, k, '2026-12-01', n
				 FROM generate_series(1, 3) n, unnest(ARRAY['a', 'b''c']::"My Shop"."Kind"[]) k`)
			s := &Settings{URL: config.Secret(server.URL(database))}
			kind := &capture.Type{Schema: "My Shop", Name: "Kind"}
			table := &capture.Table{Schema: "My Shop", Name: `Out"box`, Key: []int{1, 0, 2}, Columns: []capture.Column{
				{Name: "The Id", Type: &capture.Type{Schema: "pg_catalog", Name: "uuid"}}, {Name: "kind", Type: kind},
				{Name: "day", Type: &capture.Type{Schema: "pg_catalog", Name: "date"}},
			}}
			id := func(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-00000000000%d", n) }
			keys := [][]string{{"a", id(1), "2026-12-01"}, {"b'c", id(2), "2026-12-01"}, {"a", id(3), "2026-12-02"}, {"a", id(9), "2026-12-01"}}
			for range 2 {
				if err := s.DeleteRows(t.Context(), "shop", table, keys); err != nil {
					t.Fatal(err)
				}
			}
			left := server.Query(t, database, `SELECT string_agg(kind || note, ' ' ORDER BY kind, note) FROM "My Shop"."Out""box"`)
			if left != "a2 a3 b'c1 b'c3" {
				t.Errorf("rows left: %s", left)
			}
			if err := s.DeleteRows(t.Context(), "shop", &capture.Table{Schema: "public", Name: "none", Key: []int{0}, Columns: table.Columns}, keys); err == nil {
				t.Error("rows of a table that does not exist were deleted")
			}
		})
	}
}
