package publication

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// candidate is a relation of the database as read from the catalogue: whether it can be published, and if not, why.
type candidate struct {
	OID         uint32
	Schema      string
	Name        string
	Kind        string // pg_class.relkind
	Persistence string // pg_class.relpersistence
	Identity    string // pg_class.relreplident
	Publishable bool
	Owner       string
	Owned       bool // the role has the rights of its owner
	Readable    bool // the role may SELECT from it, including USAGE on its schema
	RowSecurity bool // row-level security would filter what the role reads
	Rows        int64
	Attributes  int16    // the highest number of a column that it has, or had
	Ancestors   []uint32 // of a partition: its parent, and so on up to the root
}

func (t candidate) String() string { return t.Schema + "." + t.Name }
func (t candidate) sql() string    { return pgconnect.Ident(t.Schema, t.Name) }

// partitioned reports whether the table is partitioned, so that its partitions hold the rows.
func (t candidate) partitioned() bool { return t.Kind == "p" }

// candidates reads every relation of the database that a pattern could match, ordered by name. The server's functions are null for one
// that is dropped meanwhile.
func (c *Config) candidates(ctx context.Context, conn *pgx.Conn) ([]candidate, error) {
	return c.readCandidates(ctx, conn, `true`)
}

// leaves reads the partitions that hold the rows of a partitioned table.
func (c *Config) leaves(ctx context.Context, conn *pgx.Conn, root uint32) ([]candidate, error) {
	return c.readCandidates(ctx, conn, `c.oid IN (SELECT relid FROM pg_partition_tree($1::oid) WHERE isleaf)`, root)
}

func (c *Config) readCandidates(ctx context.Context, conn *pgx.Conn, where string, args ...any) ([]candidate, error) {
	rows, err := conn.Query(ctx, `
		SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relpersistence::text, c.relreplident::text,
			coalesce(pg_relation_is_publishable(c.oid), false), pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),
			coalesce(has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE'), false),
			row_security_active(c.oid), greatest(c.reltuples, 0)::bigint, c.relnatts,
			CASE WHEN c.relispartition THEN ARRAY(SELECT a.relid::oid FROM pg_partition_ancestors(c.oid) a
				WHERE a.relid <> c.oid) ELSE '{}'::oid[] END
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\_toast%' AND `+where+`
		ORDER BY n.nspname, c.relname`, args...)
	if err != nil {
		return nil, problem.Named("read tables", err)
	}
	ts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t candidate, err error) {
		err = row.Scan(&t.OID, &t.Schema, &t.Name, &t.Kind, &t.Persistence, &t.Identity, &t.Publishable, &t.Owner,
			&t.Owned, &t.Readable, &t.RowSecurity, &t.Rows, &t.Attributes, &t.Ancestors)
		return t, err
	})
	return ts, problem.Named("read tables", err)
}

// attribute is a column of a candidate.
type attribute struct {
	Name      string
	Generated string   // pg_attribute.attgenerated: "", s(tored), v(irtual)
	Key       bool     // part of the primary key
	Identity  bool     // part of the replica identity: an old row carries it
	Uses      []string // of a generated column: the columns that it depends on
}

// attributes reads the columns of tables, in order. INCLUDE columns of an index are not part of an identity.
func (c *Config) attributes(ctx context.Context, conn *pgx.Conn, oids []uint32) (map[uint32][]attribute, error) {
	rows, err := conn.Query(ctx, `
		SELECT a.attrelid, a.attname, a.attgenerated::text,
			coalesce(a.attnum = ANY ((pk.indkey::int2[])[0:pk.indnkeyatts-1]), false),
			c.relreplident = 'f' OR coalesce(a.attnum = ANY ((ri.indkey::int2[])[0:ri.indnkeyatts-1]), false),
			CASE WHEN a.attgenerated <> '' THEN ARRAY(SELECT u.attname::text FROM pg_attribute u
				WHERE u.attrelid = c.oid AND u.attnum <> a.attnum AND u.attnum IN (SELECT d.refobjsubid FROM pg_depend d
					WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
						AND (d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = a.attnum
							OR d.classid = 'pg_attrdef'::regclass AND d.objid IN (
								SELECT f.oid FROM pg_attrdef f WHERE f.adrelid = c.oid AND f.adnum = a.attnum)))
				ORDER BY u.attnum) END
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			LEFT JOIN pg_index pk ON pk.indrelid = c.oid AND pk.indisprimary
			LEFT JOIN pg_index ri ON ri.indrelid = c.oid AND (c.relreplident = 'd' AND ri.indisprimary AND ri.indimmediate
				OR c.relreplident = 'i' AND ri.indisreplident)
		WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY a.attrelid, a.attnum`, oids)
	if err != nil {
		return nil, problem.Named("read columns", err)
	}
	all := map[uint32][]attribute{}
	var table uint32
	var a attribute
	_, err = pgx.ForEachRow(rows, []any{&table, &a.Name, &a.Generated, &a.Key, &a.Identity, &a.Uses}, func() error {
		all[table] = append(all[table], a)
		a = attribute{}
		return nil
	})
	return all, problem.Named("read columns", err)
}

// names returns the names of the columns that take selects, in order.
func names(as []attribute, take func(attribute) bool) []string {
	var ns []string
	for _, a := range as {
		if take(a) {
			ns = append(ns, a.Name)
		}
	}
	return ns
}

func column(as []attribute, name string) *attribute {
	i := slices.IndexFunc(as, func(a attribute) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &as[i]
}
