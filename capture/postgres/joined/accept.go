package joined

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// Record is what a sink's record has about tables that joined.
type Record struct {
	List        string // the list that the record has; "": none
	Fingerprint string // of the publication when the record was written
}

// Accept returns the list that each record gets when the operator accepts RowsNotCopied, and a description of what is
// accepted; "": there is no publication.
func Accept(ctx context.Context, conn *pgx.Conn, c *publication.Config, records []Record) (text string, lost []string, err error) {
	now, exists, err := c.ReadFingerprint(ctx, conn)
	if err != nil || !exists {
		return "", nil, err
	}
	list := tableList{tables: map[uint32]entry{}}
	for _, r := range records {
		if err := list.learn(ctx, conn, r, &now); err != nil {
			return "", nil, err
		}
	}
	found, err := checkTables(ctx, conn, c.Name, list, nil)
	if err != nil {
		return "", nil, err
	}
	for _, f := range found {
		if !f.gone && (f.status == statusMissing || !f.decided) {
			lost = append(lost, "rows of "+f.name+" that were written before it joined the publication")
		}
	}
	list.accepted++
	for oid, t := range list.tables {
		t.status = statusSettled
		list.tables[oid] = t
	}
	return list.String(), lost, nil
}

// Since returns the list that a record has to have before it names the publication now.
func Since(ctx context.Context, conn *pgx.Conn, r Record, now *publication.Fingerprint) (string, error) {
	list := tableList{tables: map[uint32]entry{}}
	err := list.learn(ctx, conn, r, now)
	return list.String(), err
}

// learn adds the list of a record, and the tables that joined since.
func (l *tableList) learn(ctx context.Context, conn *pgx.Conn, r Record, now *publication.Fingerprint) error {
	l.merge(parseList(r.List))
	joined := now.Joined(r.Fingerprint)
	if len(joined) == 0 {
		return nil
	}
	bound, err := nextXID(ctx, conn) // after the fingerprint was read
	if err != nil {
		return err
	}
	for _, oid := range joined {
		if _, listed := l.tables[oid]; !listed {
			l.tables[oid] = entry{bound: bound}
		}
	}
	return nil
}
