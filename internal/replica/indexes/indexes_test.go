package indexes

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/replica/verify"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// After the statements the replica has the indexes, under whatever name, and the next call returns no statements.
func TestStatements(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	source, target := testenv.SharedPostgres(t, testenv.Oldest), testenv.SharedPostgres(t, testenv.Newest)
	from, to := testenv.NewDatabase(t, source), testenv.NewDatabase(t, target)
	source.ExecIn(t, from, `CREATE TABLE "It's ""odd"" USING x" (id int PRIMARY KEY, "a.b" text, c int, secret int)`,
		`CREATE INDEX "on USING btree" ON "It's ""odd"" USING x" ("a.b" COLLATE "C" DESC NULLS LAST) INCLUDE (c)`,
		`CREATE UNIQUE INDEX one ON "It's ""odd"" USING x" (lower("a.b"), c) WHERE c > 0`,
		`CREATE INDEX hidden ON "It's ""odd"" USING x" (secret)`,
		`ALTER TABLE "It's ""odd"" USING x" ADD CONSTRAINT two UNIQUE NULLS NOT DISTINCT (c)`,
		`ALTER TABLE "It's ""odd"" USING x" ADD CONSTRAINT three UNIQUE (c, id) INCLUDE ("a.b") DEFERRABLE`,
		`CREATE PUBLICATION p FOR TABLE "It's ""odd"" USING x" (id, "a.b", c)`)
	target.ExecIn(t, to, "CREATE SCHEMA r", `CREATE TABLE r."It's ""odd"" USING x" (id int PRIMARY KEY, "a.b" text, c int)`,
		`CREATE INDEX one ON r."It's ""odd"" USING x" (c, id)`) // not created by tailrace
	read, write := open(t, source.URL(from)), open(t, target.URL(to))
	tables, err := verify.Tables(t.Context(), read, "p", func(n verify.Name) verify.Name { return verify.Name{Schema: "r", Table: n.Table} })
	if err != nil {
		t.Fatal(err)
	}
	statements := func() []string {
		t.Helper()
		all, err := Statements(t.Context(), read, write, tables)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	want := []string{
		`CREATE INDEX CONCURRENTLY "on USING btree" ON "r"."It's ""odd"" USING x" USING btree ("a.b" COLLATE "C" DESC NULLS LAST) INCLUDE (c)`,
		`CREATE UNIQUE INDEX CONCURRENTLY "one_1" ON "r"."It's ""odd"" USING x" USING btree (lower("a.b"), c) WHERE (c > 0)`,
		`CREATE UNIQUE INDEX CONCURRENTLY "three" ON "r"."It's ""odd"" USING x" USING btree (c, id) INCLUDE ("a.b")`,
		`ALTER TABLE "r"."It's ""odd"" USING x" ADD CONSTRAINT "three" UNIQUE USING INDEX "three" DEFERRABLE INITIALLY DEFERRED`,
		`CREATE UNIQUE INDEX CONCURRENTLY "two" ON "r"."It's ""odd"" USING x" USING btree (c) NULLS NOT DISTINCT`,
	}
	if got := statements(); !slices.Equal(got, want) {
		t.Errorf("statements %q", got)
	}
	target.ExecIn(t, to, want[:3]...)
	if got := statements(); !slices.Equal(got, want[3:]) {
		t.Errorf("with the index, but without its constraint: %q", got)
	}
	target.ExecIn(t, to, want[3])
	// A unique index that cannot be built remains as an invalid one.
	target.ExecIn(t, to, `INSERT INTO r."It's ""odd"" USING x" VALUES (1, 'a', NULL), (2, 'b', NULL)`)
	if _, err := write.Exec(t.Context(), want[4]).ReadAll(); err == nil {
		t.Error("it was made over two nulls")
	}
	target.ExecIn(t, to, `DELETE FROM r."It's ""odd"" USING x"`)
	if got := statements(); !slices.Equal(got, []string{`DROP INDEX CONCURRENTLY "r"."two"`, want[4]}) {
		t.Errorf("after a failure: %q", got)
	}
	target.ExecIn(t, to, statements()...)
	if got := statements(); len(got) != 0 {
		t.Errorf("a second time: %q", got)
	}
}

func open(t *testing.T, url string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), url+"?search_path=pg_catalog")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
