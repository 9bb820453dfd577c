package testenv

import (
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestMain(m *testing.M) { Main(m) }

func TestNewDatabaseGoesWithItsSlots(t *testing.T) {
	needServers(t)
	s := SharedPostgres(t, Newest)
	var name string
	t.Run("user", func(t *testing.T) {
		name = NewDatabase(t, s)
		conn, err := pgconn.Connect(t.Context(), s.URL(name)+"?replication=database")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pglogrepl.CreateReplicationSlot(t.Context(), conn, name, "pgoutput", pglogrepl.CreateReplicationSlotOptions{}); err != nil {
			t.Fatal(err)
		}
		err = pglogrepl.StartReplication(t.Context(), conn, name, 0, pglogrepl.StartReplicationOptions{
			PluginArgs: []string{"proto_version '1'", "publication_names 'none'"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Query(t, "postgres", "SELECT count(*) FROM pg_replication_slots WHERE active"); got != "1" {
			t.Fatalf("%s active slots, want 1", got)
		}
	})
	if got := s.Query(t, "postgres", "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'"); got != "0" {
		t.Fatalf("database %s is still there", name)
	}
	if got := s.Query(t, "postgres", "SELECT count(*) FROM pg_replication_slots"); got != "0" {
		t.Fatalf("%s slots are still there", got)
	}
	if again := SharedPostgres(t, Newest); again != s {
		t.Fatal("a second server was started")
	}
}
