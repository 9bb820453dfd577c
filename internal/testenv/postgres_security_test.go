package testenv

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestPostgresAsksForPasswordAndTLS(t *testing.T) {
	needServers(t)
	s := Postgres(t, TLS(), HBA("hostssl all alice all scram-sha-256"), Setting("work_mem", "3MB"))
	s.Exec(t, "CREATE USER alice PASSWORD 'secret'")
	for url, refusal := range map[string]string{
		"postgres://alice:secret@localhost/postgres?sslmode=verify-full&sslrootcert=" + s.CAFile: "",
		"postgres://alice:wrong@localhost/postgres?sslmode=verify-full&sslrootcert=" + s.CAFile:  "28P01",
		"postgres://alice:secret@localhost/postgres?sslmode=disable":                             "28000",
	} {
		config, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		config.Port = uint16(s.Port)
		for _, fallback := range config.Fallbacks {
			fallback.Port = config.Port
		}
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			conn.Close(t.Context())
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused); refusal == "" && err != nil || refusal != "" && (refused == nil || refused.Code != refusal) {
			t.Errorf("%s: %v, want %q", url, err, refusal)
		}
	}
	if got := s.Query(t, "postgres", "current_setting('work_mem')"); got != "3MB" {
		t.Errorf("work_mem %s, want 3MB", got)
	}
}

func TestPostgresClustersDiffer(t *testing.T) {
	needServers(t)
	system := "SELECT system_identifier FROM pg_control_system()"
	a, b := Postgres(t).Query(t, "postgres", system), Postgres(t).Query(t, "postgres", system)
	if a == b {
		t.Fatalf("two clusters have one system identifier, %s", a)
	}
}
