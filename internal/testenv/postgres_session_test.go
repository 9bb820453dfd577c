package testenv

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// Query keeps its session until Exec runs, and does not need it: it opens another when the server or an administrator ended it.
func TestQueryKeepsItsSession(t *testing.T) {
	needServers(t)
	s := Postgres(t)
	session := func() string { return s.Query(t, "postgres", "SELECT pg_backend_pid()") }
	first := session()
	if again := session(); again != first {
		t.Errorf("sessions %s and %s of two queries", first, again)
	}
	for end, do := range map[string]func(){
		"Exec":    func() { s.Exec(t, "SELECT 1") },
		"restart": func() { restart(t, s) },
		"crash":   func() { crash(t, s) },
		"kill":    func() { terminate(t, s, session()) },
	} {
		before := session()
		do()
		if after := session(); after == before {
			t.Errorf("%s: session %s goes on", end, after)
		}
	}
}

func restart(t *testing.T, s *PostgresServer) {
	t.Helper()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
}

func crash(t *testing.T, s *PostgresServer) {
	t.Helper()
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

// terminate ends a session from another one, and waits until it has ended.
func terminate(t *testing.T, s *PostgresServer, pid string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend("+pid+", 10000)"); err != nil {
		t.Fatal(err)
	}
}

// A template must have no sessions: those of Query do not count.
func TestQueryLeavesDatabasesFree(t *testing.T) {
	needServers(t)
	s := Postgres(t)
	s.Exec(t, "CREATE DATABASE original")
	s.Query(t, "original", "SELECT 1")
	s.Exec(t, "CREATE DATABASE copy TEMPLATE original", "DROP DATABASE original")
}
