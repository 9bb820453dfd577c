package postgres_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/sinktest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// needServers skips a test in `make test-short`.
func needServers(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Postgres")
	}
}

// both runs a test on the oldest and the newest Postgres.
func both(t *testing.T, test func(t *testing.T, s *testenv.PostgresServer)) {
	needServers(t)
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(strconv.Itoa(version), func(t *testing.T) { test(t, testenv.SharedPostgres(t, version)) })
	}
}

func newSink(t testing.TB, o postgres.Options) *postgres.Sink {
	t.Helper()
	if o.Pipeline == "" {
		o.Pipeline, o.Name = "shop", "replica"
	}
	return postgres.New(o, zaptest.NewLogger(t))
}

func TestContract(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		sinktest.Run(t, func(t *testing.T) sinktest.Target {
			database := testenv.NewDatabase(t, s)
			s.ExecIn(t, database, "CREATE TABLE public.ledger (id int8 PRIMARY KEY, ver int8, pad text)")
			return sinktest.Target{
				New:    func(t *testing.T) sink.Sink { return newSink(t, postgres.Options{URL: s.URL(database)}) },
				Read:   func(t *testing.T) []sinktest.Seen { return versions(t, s.URL(database)) },
				Latest: true,
			}
		})
	})
}

// versions reads the rows of sinktest.Table.
func versions(t *testing.T, url string) (seen []sinktest.Seen) {
	t.Helper()
	for _, r := range query(t, url, "SELECT id, ver FROM public.ledger") {
		var s sinktest.Seen
		if _, err := fmt.Sscan(r[0]+" "+r[1], &s.Key, &s.Version); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, s)
	}
	return seen
}

// query returns rows as text, with "∅" for null.
func query(t testing.TB, url, sql string) (all [][]string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	r := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if r.Err != nil {
		t.Fatalf("%s: %v", sql, r.Err)
	}
	for _, values := range r.Rows {
		row := make([]string, len(values))
		for i, v := range values {
			if row[i] = string(v); v == nil {
				row[i] = "∅"
			}
		}
		all = append(all, row)
	}
	return all
}
