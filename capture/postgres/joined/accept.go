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

// Accept returns how a record's list changes when the operator accepts RowsNotCopied, and a description of what is accepted; nil: there
// is no publication.
func Accept(ctx context.Context, conn *pgx.Conn, c *publication.Config, records []Record) (update func(list string) string, lost []string, err error) {
	now, exists, err := c.ReadFingerprint(ctx, conn)
	if err != nil || !exists {
		return nil, nil, err
	}
	list := tableList{tables: map[uint32]entry{}}
	for _, r := range records {
		if err := list.learn(ctx, conn, r, &now); err != nil {
			return nil, nil, err
		}
	}
	found, err := checkTables(ctx, conn, c.Name, list, nil)
	if err != nil {
		return nil, nil, err
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
	return func(text string) string { return list.acceptedIn(parseList(text)) }, lost, nil
}

// acceptedIn returns the text of a record's list after the operator has accepted the tables of l. A table that only the record has by
// then was not shown to the operator: it remains as it is.
func (l *tableList) acceptedIn(record tableList) string {
	m := l.clone()
	m.accepted = max(m.accepted, record.accepted+1)
	for oid, t := range record.tables {
		if _, shown := m.tables[oid]; !shown {
			m.tables[oid] = t
		}
	}
	return m.String()
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
