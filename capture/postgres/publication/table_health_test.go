package publication

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// The check also works on servers without column lists, schemas and filters.
func TestTablesOfAnOldServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.SharedPostgres(t, testenv.Oldest)
	db := testenv.NewDatabase(t, server)
	server.ExecIn(t, db, "CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY)", "CREATE TABLE c (id int PRIMARY KEY)",
		"CREATE PUBLICATION pub FOR TABLE a, b", "ALTER TABLE a REPLICA IDENTITY NOTHING", "CREATE TABLE d (id int PRIMARY KEY)")
	conn, err := pgx.Connect(t.Context(), server.URL(db))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	c := &Config{Name: "pub", Manage: true, Tables: []string{"public.*"}, Except: []string{"public.c"}}
	r, err := c.readTables(t.Context(), conn, 13)
	if err != nil || len(r.Broken) != 1 || len(r.Unpublished) != 1 || r.Unpublished[0].Name != "d" {
		t.Errorf("%v: %+v", err, r)
	}
}
