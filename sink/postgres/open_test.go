package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres"
	"github.com/tailrace/tailrace/sink/sinktest"
)

func TestSettings(t *testing.T) {
	good := postgres.Settings{
		URL: "postgres://u@h/db", Schema: "orders", OnSchemaChange: "add_columns", OnConflict: "park", Deletes: "keep",
		Truncate: "ignore", Constraints: "deferred", Origin: "required",
	}
	for name, c := range map[string]struct {
		change func(*postgres.Settings)
		wrong  string // a substring of the summary
	}{
		"good":      {func(*postgres.Settings) {}, ""},
		"defaults":  {func(s *postgres.Settings) { *s = postgres.Settings{URL: s.URL} }, ""},
		"url":       {func(s *postgres.Settings) { s.URL = "mysql://x" }, "connection URL"},
		"schema":    {func(s *postgres.Settings) { s.Schema = strings.Repeat("x", 64) }, "name of a schema"},
		"ours":      {func(s *postgres.Settings) { s.Schema = "tailrace" }, "not for tables"},
		"system":    {func(s *postgres.Settings) { s.Schema = "pg_catalog" }, "not for tables"},
		"change":    {func(s *postgres.Settings) { s.OnSchemaChange = "add" }, "on_schema_change"},
		"conflict":  {func(s *postgres.Settings) { s.OnConflict = "target_wins" }, "on_conflict"},
		"deletes":   {func(s *postgres.Settings) { s.Deletes = "ignore" }, "deletes"},
		"truncate":  {func(s *postgres.Settings) { s.Truncate = "keep" }, "truncate"},
		"constrain": {func(s *postgres.Settings) { s.Constraints = "none" }, "constraints"},
		"start":     {func(s *postgres.Settings) { s.Start = "later" }, `start = "later" is unknown`},
		"copy":      {func(s *postgres.Settings) { s.Start = "copy" }, ""},
		"from now":  {func(s *postgres.Settings) { s.Start = "now" }, ""},
		"origin":    {func(s *postgres.Settings) { s.Origin = "any" }, "origin"},
	} {
		s := good
		c.change(&s)
		d := s.CheckSettings(config.Positions{})
		if d.HasErrors() != (c.wrong != "") || c.wrong != "" && !strings.Contains(d[0].Summary, c.wrong) {
			t.Errorf("%s: %v", name, d)
		}
	}
}

// An unusable target is reported with the reason, by `check` and when the sink is opened.
func TestTargetsThatCannotBeUsed(t *testing.T) {
	needServers(t)
	s := testenv.SharedPostgres(t, testenv.Newest)
	database := testenv.NewDatabase(t, s)
	role := "limited_" + database
	s.Exec(t, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() { s.Exec(t, "DROP ROLE IF EXISTS "+role) })
	t.Cleanup(func() { s.ExecIn(t, database, "DROP OWNED BY "+role) })
	url := strings.Replace(s.URL(database), "postgres@", role+"@", 1)
	open := func(settings postgres.Settings, state, fix string) {
		t.Helper()
		k, err := settings.Sink("shop", "replica", zaptest.NewLogger(t))
		if err != nil {
			t.Fatal(err)
		}
		w, _, err := k.Open(t.Context(), sink.Lane{Name: "main", OnDurable: func(capture.Position) {}, Failed: func(error) {}})
		if err == nil {
			_ = w.Close()
		}
		found := append(settings.Check(t.Context(), "shop", "replica"), err)
		if state == "" {
			if len(found) > 1 || err != nil {
				t.Errorf("found %v", found)
			}
			return
		}
		for _, err := range found {
			if p := capture.AsProblem(err); p == nil || p.State != state || !strings.Contains(p.Fix, fix) {
				t.Errorf("found %v, want %s", err, state)
			}
		}
		if len(found) != 2 {
			t.Errorf("check found %v", found[:len(found)-1])
		}
	}
	open(postgres.Settings{URL: config.Secret(url)}, "permission_denied", "GRANT CREATE ON DATABASE")
	s.ExecIn(t, database, "CREATE SCHEMA tailrace AUTHORIZATION "+role)
	open(postgres.Settings{URL: config.Secret(url)}, "", "")
	open(postgres.Settings{URL: config.Secret(url), Origin: "required"}, "origin_denied", "GRANT EXECUTE ON FUNCTION")
	open(postgres.Settings{URL: config.Secret(url), Constraints: "off"}, "constraints_denied", "GRANT SET ON PARAMETER")
	open(postgres.Settings{URL: config.Secret(url + "x")}, "database_missing", "create it")
	open(postgres.Settings{URL: config.Secret(url), Password: func() (config.Secret, error) { return "", errors.New("gone") }},
		"password_unreadable", "")
	open(postgres.Settings{URL: "postgres://x@127.0.0.1:1/x"}, "target_unreachable", "")
}

// The origin passes from a lost session to the next one, and marks what it writes.
func TestOrigin(t *testing.T) {
	both(t, func(t *testing.T, s *testenv.PostgresServer) {
		database := testenv.NewDatabase(t, s)
		s.ExecIn(t, database, ledgerDDL)
		k := newSink(t, postgres.Options{URL: s.URL(database), Pipeline: "P" + database, Name: "x", Origin: postgres.OriginRequired})
		t.Cleanup(func() { s.Exec(t, "SELECT pg_replication_origin_drop('tailrace_p"+database+"_x')") })
		first := openLane(t, k)
		second := openLane(t, k)
		if err := first.failureBy(t, large(0x1000, 1)); !errors.Is(err, sink.ErrFenced) {
			t.Errorf("the first says %v", err)
		}
		batches := large(0x1000, 1)
		if err := second.Write(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
		second.wait(t, batches[0].End)
		at := s.Query(t, database, "SELECT local_lsn > '0/0' FROM pg_show_replication_origin_status() WHERE external_id = 'tailrace_p"+database+"_x'")
		if at != "true" {
			t.Errorf("the origin has seen no commit: %q", at)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		for s.Query(t, database, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tailrace/P"+database+"%'") != "0" {
			time.Sleep(5 * time.Millisecond)
		}
	})
}

// A deleted record is not mistaken for a first start, and drop removes everything.
func TestLostAndDropped(t *testing.T) {
	needServers(t)
	s := testenv.SharedPostgres(t, testenv.Newest)
	database := testenv.NewDatabase(t, s)
	s.ExecIn(t, database, ledgerDDL)
	settings := postgres.Settings{URL: config.Secret(s.URL(database))}
	memory := func(want sink.RecordState) {
		t.Helper()
		l := openLane(t, newSink(t, postgres.Options{URL: s.URL(database)}))
		defer l.Close()
		if l.progress.Record != want {
			t.Errorf("the sink knows %+v, want %d", l.progress, want)
		}
		if want == sink.RecordNone {
			batches := large(0x1000, 1)
			if err := l.Write(t.Context(), batches); err != nil {
				t.Fatal(err)
			}
			l.wait(t, batches[0].End)
		}
	}
	memory(sink.RecordNone)
	memory(sink.RecordFound)
	s.ExecIn(t, database, "DELETE FROM tailrace.progress")
	memory(sink.RecordMissing)
	memory(sink.RecordMissing)
	for _, dry := range []bool{true, false} {
		lines, err := settings.Drop(t.Context(), "shop", "replica", sinktest.Origin, dry)
		if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[2], "left: ") {
			t.Errorf("drop, dry %t: %q %v", dry, lines, err)
		}
	}
	if lines, err := settings.Drop(t.Context(), "shop", "replica", sinktest.Origin, false); err != nil || len(lines) > 0 {
		t.Errorf("drop again: %q %v", lines, err)
	}
	s.ExecIn(t, database, "TRUNCATE ledger")
	memory(sink.RecordNone)
}
