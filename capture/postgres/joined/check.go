package joined

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// RowsNotCopied is the state of a pipeline whose publication has tables with rows that no copy of ours has.
const RowsNotCopied = "rows_not_copied"

// rowsNotCopied returns the warning about tables that joined with rows; nil: there are none.
// comment is what the publication's comment has besides the list, where no sink keeps a record.
func rowsNotCopied(c *publication.Config, names []string, keeps bool, comment string) *capture.Problem {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	shown, more := names[:min(len(names), publication.MostNamed)], ""
	if n := len(names) - len(shown); n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	fix := "copy the rows into replicas:\n"
	for _, name := range shown {
		fix += "`tailrace verify -repair -table " + capture.ShellWord(name) + " FILE`\n"
	}
	if more != "" {
		fix += "-- and so on for the others\n"
	}
	fix += "another pipeline with such a table in its tables copies all its rows to Kafka;\n"
	const end = "then, and to continue without these rows elsewhere: "
	switch {
	case keeps:
		fix += end + "`tailrace accept -pipeline P " + RowsNotCopied + " FILE`"
	case c.Manage:
		fix += end + c.CommentStatement(comment) + ";"
	default:
		fix += "no sink keeps a record, so the warning ends when the daemon ends"
	}
	return &capture.Problem{
		State: "rows_not_copied", // a literal, as the test of the manual looks for those
		Reason: fmt.Sprintf("these tables joined publication %s after its slot was created, and rows that were written before are not in the "+
			"stream: %s%s", c.Name, strings.Join(shown, ", "), more),
		Fix: fix,
	}
}

// nextXID returns the next transaction id, without its wraps: every transaction that gets a later one begins to write after
// this call. pg_snapshot_xmax does not show that: ids beyond it may be in use.
func nextXID(ctx context.Context, conn *pgx.Conn) (next uint32, err error) {
	var n int64
	err = conn.QueryRow(ctx, `SELECT (age('3'::xid)::bigint + 3) & 4294967295`).Scan(&n)
	return uint32(n), problem.Named("read the next transaction id", err)
}

// finding is the result of a check of a table that joined the publication.
type finding struct {
	oid     uint32
	name    string
	gone    bool // it is not published under its own name any more
	decided bool
	status  status
}

// checkLimit is how long a check may read tables: other checks wait for its connection. The next check continues.
const checkLimit = time.Second

// checkTables checks the tables of a list.
func checkTables(ctx context.Context, conn *pgx.Conn, pub string, list tableList, leaf func(uint32) bool) (found []finding, err error) {
	oids := slices.DeleteFunc(slices.Sorted(maps.Keys(list.tables)), func(oid uint32) bool { return list.tables[oid].status == statusSettled })
	if len(oids) == 0 {
		return nil, nil
	}
	published, err := publishedNames(ctx, conn, pub, oids)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for _, oid := range oids {
		f := finding{oid: oid, name: published[oid]}
		if f.gone = f.name == ""; !f.gone && time.Since(began) < checkLimit {
			if err := checkTable(ctx, conn, pub, list.tables[oid], leaf, &f); err != nil {
				return nil, err
			}
		}
		found = append(found, f)
	}
	return found, nil
}

// covered is the condition that a publication includes a table by itself, with all tables of its schema, or with all
// tables of the database.
const covered = `(p.puballtables OR EXISTS (SELECT FROM pg_publication_rel pr WHERE pr.prpubid = p.oid AND pr.prrelid = %[1]s.oid)
	OR %[1]s.relnamespace IN (%[2]s))`

// schemasQuery is the query of the schemas of the publication p.
func schemasQuery(conn *pgx.Conn) string {
	if pgconnect.Major(conn.PgConn()) < 15 {
		return "SELECT NULL::oid"
	}
	return "SELECT pn.pnnspid FROM pg_publication_namespace pn WHERE pn.pnpubid = p.oid"
}

// publishedNames returns the names of those tables that are published under their own names.
func publishedNames(ctx context.Context, conn *pgx.Conn, pub string, oids []uint32) (names map[uint32]string, err error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(`
		SELECT c.oid, n.nspname || '.' || c.relname
		FROM pg_publication p, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
			LATERAL (SELECT `+covered+` AS own, c.relispartition AND EXISTS (SELECT FROM pg_partition_ancestors(c.oid) a
				JOIN pg_class t ON t.oid = a.relid WHERE t.oid <> c.oid AND `+strings.ReplaceAll(covered, "[1]", "[3]")+`) AS above) x
		WHERE p.pubname = $1 AND c.oid = ANY ($2) AND c.relpersistence = 'p'
			AND CASE WHEN p.pubviaroot THEN x.own AND NOT x.above ELSE x.own OR x.above END`, "c", schemasQuery(conn), "t"), pub, oids)
	if err != nil {
		return nil, problem.Named("read the tables that joined", err)
	}
	names = map[uint32]string{}
	var oid uint32
	var name string
	_, err = pgx.ForEachRow(rows, []any{&oid, &name}, func() error { names[oid] = name; return nil })
	return names, problem.Named("read the tables that joined", err)
}

// publishedBySchema returns the tables that the publication includes without naming them, except for partitions that are
// published under their roots' names.
func publishedBySchema(ctx context.Context, conn *pgx.Conn, pub string) (oids []uint32, err error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(`SELECT c.oid FROM pg_publication p, pg_class c
		WHERE p.pubname = $1 AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
			AND (p.puballtables OR c.relnamespace IN (%s)) AND NOT (p.pubviaroot AND c.relispartition)
			AND c.relnamespace <> 'information_schema'::regnamespace`, schemasQuery(conn)), pub)
	if err != nil {
		return nil, problem.Named("find tables that joined", err)
	}
	oids, err = pgx.CollectRows(rows, pgx.RowTo[uint32])
	return oids, problem.Named("find tables that joined", err)
}

// part is a table with rows of a table that joined: the table itself, or a partition.
type part struct {
	oid      uint32
	name     string // as SQL
	readable bool
	altered  bool // its row in pg_class was written at or after the bound: its rows may have been rewritten since
	born     bool // the publication had it from its creation on
}

// checkTable checks whether a table has rows that the stream lacks. Only a table without any rows has lost them since: a
// rewrite gives all rows the id of its own transaction.
func checkTable(ctx context.Context, conn *pgx.Conn, pub string, e entry, leaf func(uint32) bool, f *finding) error {
	parts, err := readParts(ctx, conn, pub, f.oid, e.bound)
	if err != nil {
		return err
	}
	if leaf != nil && leaf(f.oid) { // its rows were streamed under the name of its root
		for i := range parts {
			parts[i].born = false
		}
	}
	f.decided, f.status = true, statusSettled
	for _, p := range parts {
		if p.born && e.status == statusOpen {
			continue
		}
		missing, decided, err := lacksRows(ctx, conn, p, e)
		switch {
		case err != nil:
			return err
		case missing:
			f.decided, f.status = true, statusMissing
			return nil
		case !decided:
			f.decided = false
		}
	}
	return nil
}

// readParts reads the parts of a table.
func readParts(ctx context.Context, conn *pgx.Conn, pub string, oid, bound uint32) (parts []part, err error) {
	inSchema := "false"
	if pgconnect.Major(conn.PgConn()) >= 15 {
		inSchema = `EXISTS (SELECT FROM pg_publication_namespace pn WHERE pn.pnpubid = p.oid AND pn.pnnspid = c.relnamespace
					AND age(pn.xmin) > age(b.xmin))`
	}
	rows, err := conn.Query(ctx, fmt.Sprintf(`
		SELECT c.oid, format('%%I.%%I', n.nspname, c.relname), c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT')
				AND has_schema_privilege(n.oid, 'USAGE') AND NOT row_security_active(c.oid)
				AND EXISTS (SELECT FROM pg_am WHERE pg_am.oid = c.relam AND amname = 'heap'),
			age(c.xmin) BETWEEN 0 AND age($2::text::xid),
			c.relkind = 'r' AND c.relfilenode = c.oid AND b.xmin = d.xmin
				AND NOT c.relispartition AND (p.puballtables OR %s)
		FROM pg_publication p, (SELECT $1::oid UNION SELECT relid FROM pg_partition_tree($1)) x(oid) JOIN pg_class c ON c.oid = x.oid JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_attribute b ON b.attrelid = c.oid AND b.attname = 'tableoid'
			JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
				AND d.refclassid = 'pg_namespace'::regclass
		WHERE p.pubname = $3 AND c.relkind IN ('r', 'f')`, inSchema), oid, fmt.Sprint(bound), pub)
	if err != nil {
		return nil, problem.Named("read a table that joined", err)
	}
	parts, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p part, err error) {
		err = row.Scan(&p.oid, &p.name, &p.readable, &p.altered, &p.born)
		return p, err
	})
	return parts, problem.Named("read a table that joined", err)
}

// lacksRows checks one part. It waits at most 200 ms for a lock; then decided is false. A table whose rows it cannot read
// within a second counts as one with older rows.
func lacksRows(ctx context.Context, conn *pgx.Conn, p part, e entry) (missing, decided bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '1s'"); err != nil {
			return err
		}
		var empty bool
		if err := tx.QueryRow(ctx, "SELECT coalesce(pg_relation_size($1::oid) = 0, true)", p.oid).Scan(&empty); err != nil || empty {
			return err
		}
		if missing = true; e.status == statusMissing || p.altered || !p.readable {
			return nil
		}
		return tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM ONLY "+p.name+" t WHERE age(t.xmin) < 0 OR age(t.xmin) > age($1::text::xid))",
			fmt.Sprint(e.bound)).Scan(&missing)
	})
	switch pgconnect.SQLState(err) {
	case pgconnect.LockNotAvailable:
		return false, false, nil
	case pgconnect.QueryCanceled:
		return true, true, nil
	case pgconnect.UndefinedTable, pgconnect.InvalidSchemaName: // it was dropped meanwhile
		return false, false, nil
	}
	if errors.Is(err, context.Canceled) {
		return false, false, err
	}
	return missing, true, problem.Named("read a table that joined", err)
}
