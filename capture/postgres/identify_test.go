package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// sqlError makes a server's error of a SQLSTATE.
type sqlError struct{ code string }

func (e *sqlError) Error() string { return e.code }
func (e *sqlError) Unwrap() error { return &pgconn.PgError{Code: e.code} }

func identifyIt(s site, c *Config) (capture.Origin, capture.LSN, error) {
	s.Helper()
	repl, err := c.replication(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	defer repl.Close(s.Context())
	return c.identify(s.Context(), repl)
}

func TestParseHistory(t *testing.T) {
	h, err := parseHistory([]byte("1\t0/3000000\tno recovery target specified\n\n# a comment\n2\t1/A0  \tbefore 2020-01-01\n"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "history", h, []capture.Timeline{{ID: 1, End: 0x3000000}, {ID: 2, End: 0x1000000A0}})
	for _, bad := range []string{"1", "x\t0/1\tr", "1\tz/1\tr", "2\t0/2\tr\n1\t0/3\tr", "1\t0/5\tr\n2\t0/3\tr"} {
		if h, err := parseHistory([]byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, h)
		}
	}
}

func TestWALEnd(t *testing.T) {
	everywhere(t, func(s site) {
		s.exec(`CREATE TABLE a (id int)`)
		c := s.config("public.a")
		conn := s.control(c)
		read := func(f string) (l capture.LSN) {
			s.Helper()
			if err := conn.QueryRow(s.Context(), `SELECT (`+f+`() - '0/0')::bigint`).Scan(&l); err != nil {
				s.Fatal(err)
			}
			return l
		}
		for _, setting := range []string{"on", "off"} {
			s.exec(`SET synchronous_commit = ` + setting + `; INSERT INTO a VALUES (1)`)
			committed := read("pg_current_wal_insert_lsn")
			end, err := c.walEnd(s.Context(), conn)
			if flush := read("pg_current_wal_flush_lsn"); err != nil || end > flush || end+segmentHeader < committed {
				s.Errorf("synchronous_commit %s: end %s, %v; committed %s, flushed %s", setting, end, err, committed, flush)
			}
		}
		// After a switch the insert position is behind the header of a page that nobody has written.
		s.exec(`SELECT pg_switch_wal()`)
		end, err := c.walEnd(s.Context(), conn)
		if flush := read("pg_current_wal_flush_lsn"); err != nil || end > flush {
			s.Errorf("after a switch: end %s, flush %s, %v", end, flush, err)
		}
	})
}

func TestBeforeHeader(t *testing.T) {
	const page, segment = 8192, 16 << 20
	for l, want := range map[capture.LSN]capture.LSN{
		3*segment + 40: 3 * segment, 3*segment + 24: 3*segment + 24, 3*segment + page + 24: 3*segment + page,
		3*segment + page + 40: 3*segment + page + 40, 3*segment + 48: 3*segment + 48, 3 * segment: 3 * segment,
	} {
		if got := beforeHeader(l, page, segment); got != want {
			t.Errorf("%s: %s, want %s", l, got, want)
		}
	}
}
