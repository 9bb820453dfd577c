package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// catalogView is what one query read of the catalogue, with the snapshot that it read by. The snapshot knows for each transaction
// whether the reading was made before or after it: nearer than a position in the WAL, at which a transaction may not be visible.
type catalogView struct {
	snapshot     catalogSnapshot
	text         string
	tables       map[uint32]description // nil: only fingerprints were read
	fingerprints map[uint32]int64       // of the tables that exist
}

// catalogSnapshot is a snapshot of the server.
type catalogSnapshot struct {
	standby bool
	xmin    uint32   // all before it had ended
	xmax    uint32   // none from it on had
	running []uint32 // of those between
	also    []uint32 // that are known to have ended
}

// currentSnapshot is the SQL of the columns that a catalogSnapshot is made of.
const currentSnapshot = "pg_catalog.pg_current_snapshot()::pg_catalog.text, pg_catalog.pg_is_in_recovery()"

// parse takes the text of a snapshot apart: "10:20:10,14,15". A reading without rows has none.
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
		all = append(all, uint32(n)) // ids are compared as the server compares those without their epoch
	}
	if len(parts) != 3 || len(all) < 2 {
		return fmt.Errorf("read snapshot %q", r.text)
	}
	s := &r.snapshot
	s.xmin, s.xmax, s.running = all[0], all[1], all[2:]
	if s.standby {
		s.xmax, s.running = s.xmin, nil // a standby does not name those between
	}
	return nil
}

// sees reports whether a transaction that has committed was visible.
func (s *catalogSnapshot) sees(xid uint32) bool {
	return precedes(xid, s.xmin) || precedes(xid, s.xmax) && !slices.Contains(s.running, xid) || slices.Contains(s.also, xid)
}
