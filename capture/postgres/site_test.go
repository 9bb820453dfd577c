package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/internal/testenv"
)

// site is a database of a test's own, on a server of one version.
type site struct {
	*testing.T
	server *testenv.PostgresServer
	db     string
}

// everywhere runs a test on the oldest and the newest Postgres.
func everywhere(t *testing.T, test func(s site)) {
	t.Helper()
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) { test(newSite(t, version)) })
	}
}

func newSite(t *testing.T, version int) site {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.SharedPostgres(t, version)
	return site{t, server, testenv.NewDatabase(t, server)}
}

// exec runs statements as the superuser.
func (s site) exec(statements ...string) {
	s.Helper()
	s.server.ExecIn(s, s.db, statements...)
}

// await asks until the answer is true.
func (s site) await(query string) {
	s.Helper()
	for s.server.Query(s, s.db, query) != "true" {
		time.Sleep(10 * time.Millisecond)
	}
}

// config is a source that takes these tables.
func (s site) config(tables ...string) *Config {
	return &Config{
		URL: s.server.URL(s.db), Tables: tables, Slot: "slot_" + s.db, Publication: "pub_" + s.db, Manage: true,
		Heartbeat: 10 * time.Second, Snapshot: SnapshotInitial, ShutdownGrace: DefaultShutdownGrace,
	}
}

// role makes a role that may replicate and returns its name.
func (s site) role() string {
	s.Helper()
	role := "role_" + s.db
	s.exec("CREATE ROLE " + role + " LOGIN REPLICATION")
	s.Cleanup(func() {
		s.server.ExecIn(s, s.db, "REASSIGN OWNED BY "+role+" TO postgres", "DROP OWNED BY "+role, "DROP ROLE "+role)
	})
	return role
}

// as is the config for another role.
func as(c *Config, role string) *Config {
	o := *c
	o.URL = strings.Replace(c.URL, "postgres@", role+"@", 1)
	return &o
}

func (s site) control(c *Config) *pgx.Conn {
	s.Helper()
	conn, err := c.control(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// preflight returns the problems of one look.
func (s site) preflight(c *Config) []error {
	s.Helper()
	conn := s.control(c)
	defer conn.Close(s.Context())
	_, errs := c.publication().Preflight(s.Context(), conn)
	return errs
}

// refused wants one problem of a state, and its words.
func (s site) refused(c *Config, state string, words ...string) *capture.Problem {
	s.Helper()
	return wantProblem(s, s.preflight(c), state, words...)
}

func wantProblem(t testing.TB, errs []error, state string, words ...string) *capture.Problem {
	t.Helper()
	if len(errs) != 1 {
		t.Fatalf("problems: %v, want one, %s", errs, state)
	}
	p := capture.AsProblem(errs[0])
	if p == nil || p.State != state || !p.Halted || !p.Usage || p.Fix == "" {
		t.Fatalf("problem: %+v, want a halted %s with a fix", errs[0], state)
	}
	for _, w := range words {
		if !strings.Contains(p.Error()+"\n"+p.Fix, w) {
			t.Errorf("problem says %q, fix %q: without %q", p, p.Fix, w)
		}
	}
	return p
}

// fix runs the SQL of a problem's fix.
func (s site) fix(p *capture.Problem) {
	s.Helper()
	s.exec(sqlOf(s, p.Fix)...)
}

func sqlOf(t testing.TB, fix string) []string {
	t.Helper()
	var statements []string
	for line := range strings.Lines(fix) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "--") {
			statements = append(statements, line)
		}
	}
	if len(statements) == 0 {
		t.Fatalf("fix %q has no SQL", fix)
	}
	return statements
}

// publish goes through preflight and publication.
func (s site) publish(c *Config) *publication.Published {
	s.Helper()
	conn := s.control(c)
	defer conn.Close(s.Context())
	p, errs := c.publication().Preflight(s.Context(), conn)
	if len(errs) > 0 {
		s.Fatalf("preflight: %v", errs)
	}
	pub, err := c.publication().Apply(s.Context(), conn, p)
	if err != nil {
		s.Fatalf("publication: %v", err)
	}
	return pub
}

// createSlot makes the config's slot.
func (s site) createSlot(c *Config) capture.LSN {
	s.Helper()
	args := "$1, 'pgoutput', false, false"
	if c.Failover {
		args += ", true"
	}
	var at string
	err := s.control(c).QueryRow(s.Context(), "SELECT lsn::text FROM pg_create_logical_replication_slot("+args+")", c.Slot).Scan(&at)
	if err != nil {
		s.Fatal(err)
	}
	lsn, err := capture.ParseLSN(at)
	if err != nil {
		s.Fatal(err)
	}
	return lsn
}
