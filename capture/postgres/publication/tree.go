package publication

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// TreeNode is a table of a published partition tree as the catalogue shows it: the root, or a partition.
// docs/decisions/0023 describes what each field proves.
type TreeNode struct {
	Root         uint32
	OID          uint32
	RootName     Member // only the schema and the name are set
	Name         Member
	Kind         string // pg_class.relkind
	Persistence  string // pg_class.relpersistence
	Identity     string // pg_class.relreplident
	RootIdentity string
	Usable       bool    // UPDATE and DELETE of this table find a replica identity
	File         uint32  // pg_class.relfilenode
	Written      uint32  // the transaction that wrote the row in pg_class
	WrittenAt    int64   // the command of that transaction
	Tuples       float32 // pg_class.reltuples
	Joined       uint32  // the transaction of the youngest link between the table and the root
	JoinedAt     int64   // the command of that transaction
	Grows        bool    // a partitioned table that is not split by hash: it may get further partitions
	Keyed        bool    // it has a primary key that can be a replica identity
}

// HoldsRows reports whether the node holds rows itself.
func (n *TreeNode) HoldsRows() bool { return n.Kind != "p" }

// ReadTrees reads the partition trees that the publication has under their roots' names. It reads only the catalogue and
// takes no lock on any of the tables: a check every two seconds must not wait for a migration.
func (c *Config) ReadTrees(ctx context.Context, conn *pgx.Conn) ([]TreeNode, error) {
	schema := "false"
	if pgconnect.Major(conn.PgConn()) >= 15 {
		schema = "EXISTS (SELECT FROM pg_publication_namespace pn WHERE pn.pnpubid = p.oid AND pn.pnnspid = c.relnamespace)"
	}
	published := func(class string) string {
		return "(p.puballtables OR EXISTS (SELECT FROM pg_publication_rel pr WHERE pr.prpubid = p.oid AND pr.prrelid = " + class + ".oid) OR " +
			schema + ")"
	}
	rows, err := conn.Query(ctx, `
		WITH RECURSIVE root AS (
			SELECT r.oid, r.relreplident, r.relname, n.nspname FROM pg_publication p, pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
			WHERE p.pubname = $1 AND p.pubviaroot AND r.relkind = 'p' AND (SELECT `+published("c")+` FROM pg_class c WHERE c.oid = r.oid)
				AND NOT (r.relispartition AND EXISTS (SELECT FROM pg_partition_ancestors(r.oid) a JOIN pg_class c ON c.oid = a.relid
					WHERE c.oid <> r.oid AND `+published("c")+`))),
		tree AS (
			SELECT oid AS root, oid, NULL::xid AS joined, 0::bigint AS at FROM root
			UNION ALL
			SELECT t.root, i.inhrelid,
				CASE WHEN t.joined IS NULL OR age(i.xmin) <= age(t.joined) THEN i.xmin ELSE t.joined END,
				CASE WHEN t.joined = i.xmin THEN greatest(t.at, i.cmin::text::bigint)
					WHEN t.joined IS NULL OR age(i.xmin) < age(t.joined) THEN i.cmin::text::bigint ELSE t.at END
			FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid
			WHERE NOT coalesce((to_jsonb(i)->>'inhdetachpending')::boolean, false))
		SELECT t.root, t.oid, root.nspname, root.relname, n.nspname, c.relname, c.relkind::text, c.relpersistence::text,
			c.relreplident::text, root.relreplident::text,
			c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisvalid
				AND (c.relreplident = 'd' AND x.indisprimary AND x.indimmediate OR c.relreplident = 'i' AND x.indisreplident)),
			c.relfilenode, c.xmin::text::bigint, c.cmin::text::bigint, c.reltuples, coalesce(t.joined::text, '0')::bigint, t.at,
			coalesce((SELECT s.partstrat <> 'h' FROM pg_partitioned_table s WHERE s.partrelid = c.oid), false),
			EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary AND x.indimmediate AND x.indisvalid)
		FROM tree t JOIN root ON root.oid = t.root JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace
		ORDER BY root.nspname, root.relname, t.oid <> t.root, n.nspname, c.relname`, c.Name)
	if err != nil {
		return nil, problem.Named("read partition trees", err)
	}
	nodes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n TreeNode, err error) {
		err = row.Scan(&n.Root, &n.OID, &n.RootName.Schema, &n.RootName.Name, &n.Name.Schema, &n.Name.Name, &n.Kind, &n.Persistence,
			&n.Identity, &n.RootIdentity, &n.Usable, &n.File, &n.Written, &n.WrittenAt, &n.Tuples, &n.Joined, &n.JoinedAt, &n.Grows, &n.Keyed)
		return n, err
	})
	return nodes, problem.Named("read partition trees", err)
}
