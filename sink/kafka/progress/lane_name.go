package progress

import (
	"context"
	"strconv"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/kafka/topics"
)

// Pipelines of two databases of one cluster may have the same names, and so may their sinks. The first one to write uses the name
// of the lane in its progress key and in its transactional id. Every other one appends the OID of its database.

// LaneName returns the name under which the progress topic stores a lane of the source that from names. opened reports
// whether this process has opened the lane under a name before. LaneName fences no writer.
func (t *Topic) LaneName(
	ctx context.Context, home *topics.Topic, lane string, from capture.Origin, opened func(name string) bool,
) (string, error) {
	if from.Database.OID == 0 {
		return lane, nil
	}
	suffixed := lane + "@" + strconv.FormatUint(uint64(from.Database.OID), 10)
	first, own := t.Key(lane), t.Key(suffixed)
	records, _, err := t.newestValues(ctx, home, []string{first, own}, func(found map[string][]byte) bool {
		rec := recordIn(found, first)
		return found[own] != nil || rec != nil && sameDatabase(rec.Origin(), from)
	})
	if err != nil {
		return "", err
	}
	rec := recordIn(records, first)
	switch {
	case records[own] != nil || opened(suffixed):
		return suffixed, nil
	case rec != nil && otherDatabase(rec.Origin(), from):
		return suffixed, nil
	}
	return lane, nil
}

// recordIn returns the progress record of a key. It returns nil when there is none, or none that this version can
// read, which Open reports when it reads the record.
func recordIn(found map[string][]byte, key string) *Record {
	if found[key] == nil {
		return nil
	}
	rec, err := decode(found[key])
	if err != nil {
		return nil
	}
	return rec
}

// sameDatabase reports whether a record is of a database, or of a version that does not name it.
func sameDatabase(was, now capture.Origin) bool {
	return was.System == now.System && (was.Database.OID == now.Database.OID || was.Database.OID == 0)
}

// otherDatabase reports whether a record certainly belongs to another database, which exists next to this one. A
// record of another cluster may belong to the server that this one replaces, and one of the same database name to the
// database that this one replaces: the start rule halts there.
func otherDatabase(was, now capture.Origin) bool {
	return was.System == now.System && was.Database.OID != 0 && was.Database.OID != now.Database.OID &&
		was.Database.Name != now.Database.Name
}
