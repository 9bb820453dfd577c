package decode

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// catalogView is the result of one catalogue query, with the snapshot of that query. The snapshot determines for each
// transaction whether the query saw it. That is more exact than a position in the WAL, at which a transaction may not be
// visible yet.
type catalogView struct {
	snapshot     catalogSnapshot
	text         string
	tables       map[uint32]description // nil: only fingerprints were read
	fingerprints map[uint32]int64       // of the tables that exist
}

// catalogSnapshot is a snapshot of the server.
type catalogSnapshot struct {
	standby bool
	xmin    uint32   // every transaction before it had ended
	xmax    uint32   // no transaction from it on had ended
	running []uint32 // the transactions in between that had not ended
	also    []uint32 // those that are known to have ended
}

// currentSnapshot is the SQL of the columns that a catalogSnapshot is made of.
const currentSnapshot = "pg_catalog.pg_current_snapshot()::pg_catalog.text, pg_catalog.pg_is_in_recovery()"

// parse decodes the text of a snapshot: "10:20:10,14,15". A query without rows has none.
func (r *catalogView) parse() error {
	if r.text == "" {
		return nil
	}
	parts := strings.Split(r.text, ":")
	var all []uint32
	for _, text := range strings.FieldsFunc(r.text, func(c rune) bool { return c == ':' || c == ',' }) {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("read snapshot %q: %w", r.text, err)
		}
		all = append(all, uint32(n)) // ids are compared without their epoch, as the server does
	}
	if len(parts) != 3 || len(all) < 2 {
		return fmt.Errorf("read snapshot %q", r.text)
	}
	s := &r.snapshot
	s.xmin, s.xmax, s.running = all[0], all[1], all[2:]
	if s.standby {
		s.xmax, s.running = s.xmin, nil // a standby does not list the transactions in between
	}
	return nil
}

// sees reports whether a transaction that has committed was visible in the snapshot.
func (s *catalogSnapshot) sees(xid uint32) bool {
	return pgconnect.XIDPrecedes(xid, s.xmin) || pgconnect.XIDPrecedes(xid, s.xmax) && !slices.Contains(s.running, xid) || slices.Contains(s.also, xid)
}
