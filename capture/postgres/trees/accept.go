package trees

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// Accept returns how a record's base changes when the operator accepts partitions_changed, and a description of what is accepted; nil:
// the records have no base. bases are those of the records. No stream is read here, so a TRUNCATE of a root that no daemon has
// checked yet is among the changes.
func Accept(ctx context.Context, conn *pgx.Conn, c *publication.Config, bases []string) (update func(base string) string, lost []string, err error) {
	var base *treeBase
	for _, b := range bases {
		base = base.merge(parseBase(b))
	}
	if base == nil {
		return nil, nil, nil
	}
	nodes, err := c.ReadTrees(ctx, conn)
	if err != nil {
		return nil, nil, err
	}
	now := baseOf(nodes)
	if base.cut {
		lost = []string{"partitions that were truncated, attached with rows, detached or dropped: there are too many to name them"}
	} else {
		w := NewWatch(c, nil, nil, nil)
		w.read.Store(^uint64(0))
		_, found, err := w.compare(ctx, conn, base, nodes)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range found {
			lost = append(lost, f.what)
		}
	}
	now.accepted = base.accepted + 1
	return func(text string) string { return now.acceptedIn(parseBase(text), base).String() }, lost, nil
}
