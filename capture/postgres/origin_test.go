package postgres

import (
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

// With origin = "none" what came by replication is left out, also where its origin was dropped before the stream comes
// there. From 16 on the server does it, by the number in the WAL. 15 sends the origin's name, which it reads as of the
// transaction: the slot keeps the row of a dropped one from VACUUM.
func TestOriginThatWasDropped(t *testing.T) {
	onVersions(t, func(t *testing.T, s *testenv.PostgresServer) {
		db := testenv.NewDatabase(t, s)
		s.ExecIn(t, db, "CREATE TABLE a (id int PRIMARY KEY, v text)")
		c := testConfig(s, db)
		c.SkipReplicated = true
		p := startTap(t, s, c, db)
		s.ExecIn(t, db, insert(1, 1))
		p.expect(inserts(1, 1)...)
		p.close()
		s.ExecIn(t, db, "SELECT pg_replication_origin_create('there')", "SELECT pg_replication_origin_session_setup('there')", insert(2, 2),
			"SELECT pg_replication_origin_session_reset()", "SELECT pg_replication_origin_drop('there')", insert(3, 3),
			"VACUUM (FREEZE) pg_catalog.pg_replication_origin")
		p = newTap(t, c)
		p.open()
		p.expect(inserts(3, 3)...)
		s.ExecIn(t, db, "SELECT pg_replication_origin_create('there')", "SELECT pg_replication_origin_session_setup('there')", insert(4, 4),
			"SELECT pg_replication_origin_session_reset()", "SELECT pg_replication_origin_drop('there')", insert(5, 5))
		p.expect(append(inserts(3, 3), inserts(5, 5)...)...)
		p.close()
	})
}
