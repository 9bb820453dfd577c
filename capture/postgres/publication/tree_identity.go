package publication

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// growth is what a partition that is created later gets from its root. A primary key is inherited; REPLICA IDENTITY is not.
type growth struct {
	grows  bool     // not all levels of the tree are split by hash
	keyed  bool     // the root has a primary key that can be a replica identity
	unique []string // columns of a unique index of the root, which could be its primary key
}

// growths reads the growth of partitioned tables.
func (c *Config) growths(ctx context.Context, conn *pgx.Conn, ts []*target) error {
	for _, t := range ts {
		if !t.partitioned() {
			continue
		}
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_partition_tree($1::oid) p JOIN pg_partitioned_table s ON s.partrelid = p.relid
				WHERE s.partstrat <> 'h'),
			EXISTS (SELECT FROM pg_index WHERE indrelid = $1 AND indisprimary AND indimmediate AND indisvalid),
			coalesce((SELECT array_agg(a.attname::text ORDER BY k.n) FROM (SELECT * FROM pg_index i WHERE indrelid = $1 AND indisunique
					AND indimmediate AND indisvalid AND indpred IS NULL AND indexprs IS NULL ORDER BY indisreplident DESC, indexrelid LIMIT 1) i,
				unnest((i.indkey::int2[])[0:i.indnkeyatts-1]) WITH ORDINALITY k(num, n)
				JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = k.num), '{}')`,
			t.OID).Scan(&t.growth.grows, &t.growth.keyed, &t.growth.unique)
		if err != nil {
			return problem.Named("read partitions of "+t.String(), err)
		}
	}
	return nil
}

// checkGrowth checks whether a partition that the application creates later can be updated, and whether its old rows carry
// the key and the columns of the filter: it has the default replica identity, whatever the root and the other partitions
// have.
func (c *Config) checkGrowth(t *target) error {
	if !t.partitioned() || !t.growth.grows || t.Identity == "d" {
		return nil
	}
	what := "REPLICA IDENTITY FULL"
	if t.Identity == "i" {
		what = "an index as its replica identity"
	}
	fix, key := t.defaultIdentities(), primary(t.attributes)
	switch {
	case !t.growth.keyed:
		return growthRefused(fmt.Sprintf("%s has %s and no primary key. A partition that is created later has no replica identity: once %s is "+
			"published, every UPDATE and DELETE on that partition would fail", t, what, t), t.keyFix())
	case t.Identity == "i" && len(without(identity(t.attributes), key)) > 0:
		return growthRefused(fmt.Sprintf("%s has %s. A partition that is created later has its primary key instead: old rows would lack %s", t, what,
			strings.Join(without(identity(t.attributes), key), ", ")), fix)
	case len(without(t.key, key)) > 0:
		return growthRefused(fmt.Sprintf("%s has %s. A partition that is created later has its primary key instead: a delete would lack %s of key",
			t, what, strings.Join(without(t.key, key), ", ")), "-- set key to columns of the primary key: "+strings.Join(key, ", "))
	case t.where != "" || t.filtered:
		return growthRefused(fmt.Sprintf("%s has %s and a filter. A partition that is created later has its primary key instead: where the filter "+
			"uses another column, every UPDATE and DELETE on that partition would fail", t, what), fix+
			"\n-- and let the filter use columns of the primary key alone: "+strings.Join(key, ", "))
	}
	return nil
}

// defaultIdentities returns the SQL for a tree whose partitions all have the identity that a new one gets.
func (t *target) defaultIdentities() string {
	fix := "ALTER TABLE " + t.sql() + " REPLICA IDENTITY DEFAULT;"
	for _, l := range t.leaves {
		if l.Identity != "d" {
			fix += "\nALTER TABLE " + l.sql() + " REPLICA IDENTITY DEFAULT;"
		}
	}
	return fix
}

// keyFix returns the SQL that gives a tree a primary key, which partitions that are created later inherit.
func (t *target) keyFix() string {
	columns := "..."
	if len(t.growth.unique) > 0 {
		columns = pgconnect.Idents(t.growth.unique)
	}
	add := "ALTER TABLE " + t.sql() + " ADD PRIMARY KEY (" + columns + ");"
	if columns == "..." || len(primary(t.attributes)) > 0 { // a deferrable one has to be dropped first
		add = "-- give it a primary key that is not deferrable, which partitions inherit: " + add
	}
	return add + "\n" + t.defaultIdentities() + "\n-- or leave the table out by except"
}

func growthRefused(reason, fix string) error {
	return problem.Refusal("replica_identity_not_inherited", reason, fix)
}

// publishes reports whether a publication names a table.
func (d *definition) publishes(oid uint32) bool {
	return d != nil && slices.ContainsFunc(d.Tables, func(m Member) bool { return m.oid == oid })
}

// doubtful reports whether the replica identities of a node and its root need a closer check.
func (n *TreeNode) doubtful() bool {
	switch {
	case n.OID == n.Root:
		return n.Identity != "d" && n.Identity != "f" || !n.Usable
	case !n.HoldsRows():
		return false
	}
	return !n.Usable || n.Kind != "r" || n.Persistence != "p" || n.Identity != n.RootIdentity && n.Identity != "f"
}

// TreeProblems returns a problem for each tree in which the UPDATE and DELETE of a present or future partition fail, or its
// old rows are wrong.
func (c *Config) TreeProblems(ctx context.Context, conn *pgx.Conn, nodes []TreeNode) ([]error, error) {
	var oids []uint32
	keyed := map[uint32]bool{}
	for i := range nodes {
		n := &nodes[i]
		if n.OID == n.Root {
			keyed[n.Root] = n.Keyed
		}
		if (n.doubtful() || n.Grows && n.RootIdentity == "f" && !keyed[n.Root]) && !slices.Contains(oids, n.Root) {
			oids = append(oids, n.Root)
		}
	}
	if len(oids) == 0 {
		return nil, nil
	}
	all, err := c.readCandidates(ctx, conn, `c.oid = ANY ($1)`, oids)
	if err != nil {
		return nil, err
	}
	var ts []*target
	for _, t := range all {
		ts = append(ts, &target{candidate: t})
	}
	if errs := c.describe(ctx, conn, ts, oids); len(errs) > 0 {
		return nil, errs[0]
	}
	var problems []error
	for _, t := range ts {
		problems = append(problems, c.checkPublishedTree(t, pgconnect.Major(conn.PgConn()))...)
	}
	return problems, nil
}

// TreeWarnings returns the warnings of a check: those that the pipeline would report while it runs.
func (c *Config) TreeWarnings(ctx context.Context, conn *pgx.Conn) []error {
	nodes, err := c.ReadTrees(ctx, conn)
	if err != nil {
		return []error{err}
	}
	problems, err := c.TreeProblems(ctx, conn, nodes)
	if err != nil {
		return []error{err}
	}
	children, err := c.ChildProblems(ctx, conn)
	if err != nil {
		return []error{err}
	}
	var warnings []error
	for _, found := range append(problems, children...) {
		p := capture.AsProblem(found)
		warnings = append(warnings, &capture.Warning{Reason: p.Reason, Fix: p.Fix})
	}
	return warnings
}

// checkPublishedTree checks a tree that is already published. Present failures come before possible future ones.
func (c *Config) checkPublishedTree(t *target, major int) (problems []error) {
	for i := range t.leaves {
		if p := capture.AsProblem(c.checkIdentity(t, &t.leaves[i], major)); p != nil {
			p.Reason = strings.Replace(p.Reason, "once published, every UPDATE and DELETE on it would fail",
				"every UPDATE and DELETE on it fails", 1)
			problems = append(problems, p)
		}
	}
	problems = append(problems, c.checkTree(t)...)
	if bad := c.checkGrowth(t); bad != nil {
		problems = append(problems, bad)
	}
	return problems
}

// ChildProblems returns the tables that inherit from a published one and are not published, neither by name nor with it. A
// managed publication has parents without their children, and a child that is created later is in no publication.
func (c *Config) ChildProblems(ctx context.Context, conn *pgx.Conn) ([]error, error) {
	if !c.Manage {
		return nil, nil
	}
	rows, err := conn.Query(ctx, `
		WITH RECURSIVE member AS (SELECT r.prrelid AS oid FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
			WHERE p.pubname = $1),
		child AS (
			SELECT i.inhparent AS parent, i.inhrelid AS oid FROM member JOIN pg_class c ON c.oid = member.oid AND c.relkind = 'r'
				JOIN pg_inherits i ON i.inhparent = member.oid
			UNION SELECT child.parent, i.inhrelid FROM child JOIN pg_inherits i ON i.inhparent = child.oid)
		SELECT pn.nspname, p.relname, n.nspname, c.relname FROM child JOIN pg_class p ON p.oid = child.parent
			JOIN pg_namespace pn ON pn.oid = p.relnamespace JOIN pg_class c ON c.oid = child.oid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid NOT IN (SELECT oid FROM member) ORDER BY 3, 4, 1, 2`, c.Name)
	if err != nil {
		return nil, problem.Named("read tables that inherit", err)
	}
	var parent, child Member
	var problems []error
	_, err = pgx.ForEachRow(rows, []any{&parent.Schema, &parent.Name, &child.Schema, &child.Name}, func() error {
		if !c.excepted(&candidate{Schema: child.Schema, Name: child.Name}) {
			problems = append(problems, &capture.Problem{
				State: "child_not_published", Usage: true,
				Reason: fmt.Sprintf("%s inherits from %s, which is published, and is not published itself: its rows are not in the stream",
					child, parent),
				Fix: fmt.Sprintf("-- add %q to tables, or to except when its rows are not wanted, and restart", child),
			})
		}
		return nil
	})
	return problems, problem.Named("read tables that inherit", err)
}
