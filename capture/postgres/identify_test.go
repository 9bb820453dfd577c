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
