package publication

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Published is what the server publishes, read after the publication was made to match the file.
type Published struct {
	Fingerprint Fingerprint // the catalogue rows that define it
	Hash        string      // identifies the fingerprint; changes with it, and is cheap to read
	Tables      []Table     // in the order of their names
	Created     bool        // the publication did not exist
	Added       []string    // tables added to it: their earlier rows are in no stream, and only in the first snapshot
	Changed     []string    // tables with another column list or filter
	Removed     []string
	Former      []Member            // the tables of Removed
	Verdict     string              // the verdict in the publication's comment
	Baselines   map[uint32]Baseline // in the same comment, by the tables' OIDs

	baselines string // as the comment has them
}

// Altered reports whether anything was altered on the server.
func (p *Published) Altered() bool {
	return p.Created || len(p.Added)+len(p.Changed)+len(p.Removed) > 0
}

// Table is a table under the name that the stream uses for it: for a partition tree that is its root, unless an
// unmanaged publication is defined otherwise.
type Table struct {
	OID     uint32
	Schema  string
	Name    string
	Columns []string // that the stream carries, in the table's order: what a snapshot has to read
	Where   string   // the row filter as SQL over the table's columns, "": none; a snapshot has to apply it
	Rows    int64    // the planner's estimate, 0 when it has none
	numbers []int16  // of Columns, in the catalogue
}

// definition is a publication as the catalogue has it.
type definition struct {
	All     bool
	Publish []string
	ViaRoot bool
	Stored  bool     // generated columns: 18+
	Schemas []Member // only the schema is set
	Tables  []Member

	oid   uint32 // of its row
	xmin  uint32 // the last transaction that wrote the row
	owner uint32
	owned bool

	Verdict   string // the verdict in the comment
	Comment   string // without the verdict and the baselines
	Baselines string // in the comment
}

// Member is one table of a definition.
type Member struct {
	Schema  string
	Name    string   // "": all tables of the schema
	Columns []string // in the table's order; nil: all
	Where   string   // as pg_get_expr prints it

	oid uint32 // of the table, or the schema
	row uint32 // of the row that makes it a member, which is never updated
	// xmin is the transaction that wrote that row.
	xmin uint32
}

// String is the name of the table, or of all tables of the schema.
func (m Member) String() string {
	if m.Name == "" {
		return m.Schema + ".*"
	}
	return m.Schema + "." + m.Name
}

// equal reports whether two members publish the same.
func (m Member) equal(o Member) bool {
	return m.oid == o.oid && m.Where == o.Where && slices.Equal(m.Columns, o.Columns)
}

// ReadFingerprint reads the fingerprint of the publication as a stream would now; exists is false when there is no publication.
func (c *Config) ReadFingerprint(ctx context.Context, conn *pgx.Conn) (f Fingerprint, exists bool, err error) {
	d, err := c.define(ctx, conn)
	if err != nil || d == nil {
		return f, false, err
	}
	f = d.fingerprint()
	if !c.Manage {
		tables, err := c.ReadTables(ctx, conn)
		if err != nil {
			return f, false, err
		}
		f.carried = carriedBy(tables)
	}
	return f, true, nil
}

// define reads the publication's definition; it returns nil when there is none.
func (c *Config) define(ctx context.Context, conn *pgx.Conn) (*definition, error) {
	var d definition
	var comment string
	err := conn.QueryRow(ctx, `
		SELECT oid, xmin::text::bigint, pubowner, puballtables, array_remove(ARRAY[CASE WHEN pubinsert THEN 'insert' END,
				CASE WHEN pubupdate THEN 'update' END, CASE WHEN pubdelete THEN 'delete' END,
				CASE WHEN pubtruncate THEN 'truncate' END], NULL),
			pubviaroot, coalesce(to_jsonb(p)->>'pubgencols' = 's', false), pg_has_role(pubowner, 'USAGE'),
			coalesce(obj_description(oid, 'pg_publication'), '')
		FROM pg_publication p WHERE pubname = $1`, c.Name).
		Scan(&d.oid, &d.xmin, &d.owner, &d.All, &d.Publish, &d.ViaRoot, &d.Stored, &d.owned, &comment)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, problem.Named("read publication "+c.Name, err)
	}
	d.Verdict, d.Comment = splitVerdict(comment)
	d.Baselines, d.Comment = splitBaselines(d.Comment)
	if pgconnect.Major(conn.PgConn()) >= 15 {
		if d.Schemas, err = c.schemas(ctx, conn, d.oid); err != nil {
			return nil, err
		}
	}
	d.Tables, err = c.members(ctx, conn, c.Name)
	return &d, err
}

// schemas reads the schemas whose tables a publication includes.
func (c *Config) schemas(ctx context.Context, conn *pgx.Conn, publication uint32) ([]Member, error) {
	rows, err := conn.Query(ctx, `SELECT n.oid, pn.oid, n.nspname FROM pg_publication_namespace pn
		JOIN pg_namespace n ON n.oid = pn.pnnspid WHERE pn.pnpubid = $1 ORDER BY n.nspname`, publication)
	if err != nil {
		return nil, problem.Named("read schemas of publication "+c.Name, err)
	}
	ms, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Member, err error) {
		err = row.Scan(&m.oid, &m.row, &m.Schema)
		return m, err
	})
	return ms, problem.Named("read schemas of publication "+c.Name, err)
}

// members reads the tables that a publication names individually.
func (c *Config) members(ctx context.Context, conn *pgx.Conn, publication string) ([]Member, error) {
	columns, where := `NULL::text[]`, `''`
	if pgconnect.Major(conn.PgConn()) >= 15 {
		columns = `CASE WHEN pr.prattrs IS NOT NULL THEN ARRAY(SELECT a.attname::text FROM pg_attribute a
			WHERE a.attrelid = pr.prrelid AND a.attnum = ANY (pr.prattrs) ORDER BY a.attnum) END`
		where = `coalesce(pg_get_expr(pr.prqual, pr.prrelid), '')`
	}
	rows, err := conn.Query(ctx, `
		SELECT t.oid, pr.oid, pr.xmin::text::bigint, n.nspname, t.relname, `+columns+`, `+where+`
		FROM pg_publication p JOIN pg_publication_rel pr ON pr.prpubid = p.oid
			JOIN pg_class t ON t.oid = pr.prrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE p.pubname = $1 ORDER BY n.nspname, t.relname`, publication)
	if err != nil {
		return nil, problem.Named("read publication "+publication, err)
	}
	ms, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Member, err error) {
		err = row.Scan(&m.oid, &m.row, &m.xmin, &m.Schema, &m.Name, &m.Columns, &m.Where)
		return m, err
	})
	return ms, problem.Named("read publication "+publication, err)
}

// ReadTables reads what the publication results in: the tables that the stream delivers, with the columns that it sends.
func (c *Config) ReadTables(ctx context.Context, conn *pgx.Conn) ([]Table, error) {
	// Before 18 the view lists generated columns too, although the stream never has them and cannot be asked for them.
	columns, where := `NULL::text[]`, `''`
	if pgconnect.Major(conn.PgConn()) >= 15 {
		columns, where = `v.attnames::text[]`, `coalesce(v.rowfilter, '')`
	}
	rows, err := conn.Query(ctx, `
		SELECT t.oid, n.nspname, t.relname, greatest(t.reltuples, 0)::bigint, `+where+`,
			coalesce(names, '{}'), coalesce(numbers, '{}')
		FROM pg_publication_tables v JOIN pg_namespace n ON n.nspname = v.schemaname
			JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = v.tablename,
			LATERAL (SELECT array_agg(a.attname::text ORDER BY a.attnum), array_agg(a.attnum ORDER BY a.attnum) FROM pg_attribute a
				WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
					AND (a.attname = ANY (`+columns+`) OR `+columns+` IS NULL)
					AND (a.attgenerated = '' OR $2)) a(names, numbers)
		WHERE v.pubname = $1 ORDER BY n.nspname, t.relname`, c.Name, pgconnect.Major(conn.PgConn()) >= 18)
	if err != nil {
		return nil, problem.Named("read tables of publication "+c.Name, err)
	}
	ts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Table, err error) {
		err = row.Scan(&t.OID, &t.Schema, &t.Name, &t.Rows, &t.Where, &t.Columns, &t.numbers)
		return t, err
	})
	return ts, problem.Named("read tables of publication "+c.Name, err)
}
