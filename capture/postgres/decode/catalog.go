package decode

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// description is what the catalogue has about a table and a relation message does not.
type description struct {
	key         []string   // the primary key's columns, in the order of its index; nil: it has none
	identity    []string   // the columns of REPLICA IDENTITY USING INDEX; nil: the identity has another form
	columns     []attr     // in the order of their numbers
	late        [][]string // the columns of deferrable keys and unique constraints
	dropped     []attr     // only their numbers and transactions are known
	fingerprint int64      // of the catalogue's rows: it changes when DDL changes the table
}

// attr is a column as read from the catalogue.
type attr struct {
	Name      string
	Number    int16
	XID       uint32 // of the transaction that wrote the column's row in the catalogue
	Created   bool   // that transaction created the table
	Unaltered bool   // and has not altered the column since
	Dropped   bool
	Type      uint32
	Modifier  int32
	Required  bool // NOT NULL
	Collation string
	Generated bool    // GENERATED ALWAYS AS, stored or virtual
	Default   bool    // it has a default, its own or its domain's, or is an identity column
	Missing   *string // the value in rows that are older than the column, where known
	Formula   string  // of a generated column

	unsure bool  // it is unknown which of the table's columns it is
	latest int16 // the highest number that it may have in that case
}

// column finds a column by its name; nil when there is none.
func (d *description) column(name string) *attr {
	for i := range d.columns {
		if d.columns[i].Name == name {
			return &d.columns[i]
		}
	}
	return nil
}

// Every name is qualified, so that no search_path substitutes another table or function for the catalogue's.
var describe = `
SELECT ` + currentSnapshot + `, c.oid, ` + tableFingerprint + `,
       ` + indexColumns("i.indisprimary") + `,
       ` + indexColumns("i.indisreplident AND c.relreplident = 'i'") + `,
       coalesce((
           SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                      'Name', a.attname, 'Number', a.attnum, 'Type', a.atttypid::pg_catalog.int8, 'Modifier', a.atttypmod,
                      'XID', a.xmin::pg_catalog.text::pg_catalog.int8, 'Dropped', a.attisdropped,
                      'Created', a.xmin = made.xmin, 'Unaltered', a.xmin = made.xmin AND a.cmin = made.cmin,
                      'Required', a.attnotnull,
                      'Collation', ` + collationOf("a.attcollation", "t.typcollation") + `,
                      'Generated', a.attgenerated <> '',
                      'Default', a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL OR leaves.least <> leaves.most,
                      'Missing', CASE WHEN a.atthasmissing THEN pg_catalog.array_to_string(a.attmissingval, '')
                                      WHEN leaves.least = leaves.most THEN leaves.least END,
                      'Formula', CASE WHEN a.attgenerated <> '' THEN (
                          SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
                          WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END) ORDER BY a.attnum)
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_attribute made ON made.attrelid = a.attrelid AND made.attname = 'tableoid' AND made.attnum < 0
           LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           LEFT JOIN (
               SELECT l.attname, pg_catalog.min(pg_catalog.array_to_string(l.attmissingval, '')) AS least,
                      pg_catalog.max(pg_catalog.array_to_string(l.attmissingval, '')) AS most
               FROM pg_catalog.pg_partition_tree(c.oid) p
               JOIN pg_catalog.pg_attribute l ON l.attrelid = p.relid AND l.attnum > 0 AND l.atthasmissing
               WHERE c.relkind = 'p' GROUP BY l.attname) leaves ON leaves.attname = a.attname -- a root has no rows, so no such value
           WHERE a.attrelid = c.oid AND a.attnum > 0), '[]'),
       (SELECT pg_catalog.json_agg((
            SELECT pg_catalog.json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)) ORDER BY k.conname)
        FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u') AND k.condeferrable)
FROM pg_catalog.pg_class c
WHERE c.oid `

// fromPublication selects the tables of a publication. With publish_via_partition_root those are the roots of partition
// trees, but the stream still describes their leaves.
const fromPublication = `IN (
    SELECT p.relid FROM pg_catalog.pg_get_publication_tables($1::pg_catalog.text) p
    UNION ALL
    SELECT leaf.relid
    FROM pg_catalog.pg_get_publication_tables($1::pg_catalog.text) p
    JOIN pg_catalog.pg_class root ON root.oid = p.relid AND root.relkind = 'p'
    CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root.oid) leaf
    WHERE leaf.isleaf)`

// tableFingerprint is the SQL of a number that changes when DDL has changed what a description has about table c: each
// change of the catalogue writes its row again, with another transaction id.
const tableFingerprint = `pg_catalog.hashtextextended(pg_catalog.concat_ws('/', c.relreplident,
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.xmin), ',' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', i.indexrelid, i.xmin), ',' ORDER BY i.indexrelid)
            FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident)),
           (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', k.oid, k.xmin), ',' ORDER BY k.oid)
            FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.condeferrable)), 0)`

// indexColumns returns the SQL for the key columns of one index of table c, in the order of the index.
func indexColumns(which string) string {
	return `ARRAY(SELECT a.attname::pg_catalog.text
             FROM pg_catalog.pg_index i
             CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (num, ord)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
             WHERE i.indrelid = c.oid AND ` + which + ` AND k.ord <= i.indnkeyatts
             ORDER BY k.ord)`
}

// publishedTables describes all tables of a publication in one query.
func publishedTables(ctx context.Context, conn *pgx.Conn, publication string) (*catalogView, error) {
	return descriptions(ctx, conn, fromPublication, publication)
}

// tables describes tables by OID. One that does not exist is not in the result.
func tables(ctx context.Context, conn *pgx.Conn, oids []uint32) (*catalogView, error) {
	return descriptions(ctx, conn, "= ANY ($1::pg_catalog.oid[])", oids)
}

func descriptions(ctx context.Context, conn *pgx.Conn, which string, arg any) (*catalogView, error) {
	rows, err := conn.Query(ctx, describe+which, arg)
	if err != nil {
		return nil, fmt.Errorf("read tables from the catalogue: %w", err)
	}
	r := &catalogView{tables: map[uint32]description{}, fingerprints: map[uint32]int64{}}
	var oid uint32
	var d description
	_, err = pgx.ForEachRow(rows, []any{&r.text, &r.snapshot.standby, &oid, &d.fingerprint, &d.key, &d.identity, &d.columns, &d.late}, func() error {
		d.columns, d.dropped = split(d.columns)
		r.tables[oid], r.fingerprints[oid] = d, d.fingerprint
		d = description{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tables from the catalogue: %w", err)
	}
	return r, r.parse()
}

// split separates the dropped columns of a table from the others.
func split(all []attr) (live, dropped []attr) {
	for _, a := range all {
		if a.Dropped {
			dropped = append(dropped, a)
		} else {
			live = append(live, a)
		}
	}
	return live, dropped
}

// fingerprints reads only the fingerprints of tables.
func fingerprints(ctx context.Context, conn *pgx.Conn, oids []uint32) (*catalogView, error) {
	rows, err := conn.Query(ctx, "SELECT "+currentSnapshot+", c.oid, "+tableFingerprint+
		" FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[])", oids)
	if err != nil {
		return nil, fmt.Errorf("compare tables with the catalogue: %w", err)
	}
	r := &catalogView{fingerprints: map[uint32]int64{}}
	var oid uint32
	var fingerprint int64
	if _, err = pgx.ForEachRow(rows, []any{&r.text, &r.snapshot.standby, &oid, &fingerprint}, func() error {
		r.fingerprints[oid] = fingerprint
		return nil
	}); err != nil {
		return nil, fmt.Errorf("compare tables with the catalogue: %w", err)
	}
	return r, r.parse()
}

// visibleWait bounds awaitVisible. A commit that waits for a synchronous standby stays invisible until that standby
// confirms it, and with synchronous_standby_names = '*' we may be that standby.
const visibleWait = time.Second

// awaitVisible waits, for at most most, until a transaction that the stream has delivered is visible to queries. A commit
// is decoded before it is visible, and until then its changes of the catalogue cannot be read. The transaction holds the
// lock on its own id until just after it becomes visible.
func awaitVisible(ctx context.Context, conn *pgx.Conn, xid uint32, most time.Duration) error {
	const query = `
SELECT count(*) > 0 FROM pg_catalog.pg_locks l
WHERE l.locktype = 'transactionid' AND l.transactionid = $1::pg_catalog.xid AND l.mode = 'ExclusiveLock' AND l.granted`
	deadline := time.Now().Add(most)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		var running bool
		if err := conn.QueryRow(ctx, query, xid).Scan(&running); err != nil {
			return fmt.Errorf("read whether transaction %d is visible: %w", xid, err)
		}
		if !running || time.Now().After(deadline) {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
