package publication

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// While the stream runs, the source checks the tables. A table that the file wants may have been created since and is not
// in the publication; a published table may have lost its replica identity, so that the application's own UPDATE fails. The
// stream lacks nothing in either case, so both are warnings.

// tableReport is the result of a check of the tables.
type tableReport struct {
	Unpublished []Member      // the file wants them and the publication does not have them
	Broken      []brokenTable // the server rejects their UPDATE and DELETE
}

// brokenTable is a published table whose UPDATE and DELETE the server rejects.
type brokenTable struct {
	Member
	Why     string // one of the words of tablesQuery
	Primary bool   // it has a primary key that could be its replica identity
}

// tablesQuery reads tables that hold rows: those that the patterns select and that are not published, under the name by
// which they would be published, and why the server rejects UPDATE and DELETE on a published one.
const tablesQuery = `
	WITH p AS (SELECT * FROM pg_publication WHERE pubname = $1),
	members AS (SELECT pr.* FROM p JOIN pg_publication_rel pr ON pr.prpubid = p.oid),
	wanted AS (SELECT * FROM unnest($2::text[], $3::text[], $4::bool[]) w(schema, name, whatever)),
	excepted AS (SELECT * FROM unnest($5::text[], $6::text[]) e(schema, name)),
	leaves AS (
		SELECT c.oid, c.relnamespace, c.relname, c.relreplident, tree,
			coalesce((SELECT puballtables FROM p), false) OR c.oid IN (SELECT prrelid FROM members)
				OR c.relispartition AND EXISTS (SELECT FROM members m WHERE m.prrelid = ANY (tree))
				OR EXISTS (SELECT FROM (%s) s(schema) WHERE schema = ANY (
					SELECT t.relnamespace FROM pg_class t WHERE t.oid = ANY (tree))) AS published
		FROM pg_class c, LATERAL (SELECT CASE WHEN c.relispartition
			THEN ARRAY(SELECT a.relid::oid FROM pg_partition_ancestors(c.oid) a) ELSE ARRAY[c.oid] END) x(tree)
		WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384),
	checked AS (
		SELECT l.*, CASE
			WHEN l.relreplident = 'n' THEN 'nothing'
			WHEN l.relreplident = 'i' AND i.indrelid IS NULL THEN 'index'
			WHEN l.relreplident = 'd' AND i.indrelid IS NULL THEN 'key'
			WHEN m.prrelid IS NOT NULL AND %s THEN 'columns'
			WHEN m.prrelid IS NOT NULL AND %s THEN 'filter'
			ELSE '' END AS why
		FROM leaves l
			LEFT JOIN pg_index i ON i.indrelid = l.oid AND i.indisvalid AND i.indimmediate
				AND (l.relreplident = 'd' AND i.indisprimary OR l.relreplident = 'i' AND i.indisreplident)
			LEFT JOIN members m ON m.prrelid = l.oid
		WHERE l.published AND (SELECT pubupdate OR pubdelete FROM p))
	SELECT DISTINCT n.nspname, t.relname, '', false
	FROM leaves l, LATERAL (
		SELECT t.relname, t.relnamespace FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE t.oid = ANY (l.tree) AND EXISTS (SELECT FROM wanted w WHERE n.nspname LIKE w.schema AND t.relname LIKE w.name
			AND (w.whatever OR NOT EXISTS (SELECT FROM excepted e WHERE n.nspname LIKE e.schema AND t.relname LIKE e.name)))
		ORDER BY array_position(l.tree, t.oid) DESC LIMIT 1) t
		JOIN pg_namespace n ON n.oid = t.relnamespace
	WHERE NOT l.published AND n.nspname <> 'information_schema' AND EXISTS (SELECT FROM p)
	UNION ALL
	SELECT n.nspname, j.relname, j.why, EXISTS (SELECT FROM pg_index i WHERE i.indrelid = j.oid AND i.indisprimary AND i.indisvalid
		AND i.indimmediate)
	FROM checked j JOIN pg_namespace n ON n.oid = j.relnamespace WHERE j.why <> ''
	ORDER BY 1, 2`

// Before 15 a publication has no schemas, no column lists and no filters. pg_depend lists a filter's columns together with
// those of a column list, so a table that has both is not checked here.
const (
	schemasQuery     = `SELECT pn.pnnspid FROM p JOIN pg_publication_namespace pn ON pn.pnpubid = p.oid`
	columnsCondition = `m.prattrs IS NOT NULL AND (l.relreplident = 'f' OR EXISTS (SELECT FROM unnest((i.indkey::int2[])[0:i.indnkeyatts-1]) k
		WHERE k <> ALL (m.prattrs::int2[])))`
	filterCondition = `m.prqual IS NOT NULL AND m.prattrs IS NULL AND l.relreplident <> 'f' AND EXISTS (SELECT FROM pg_depend d
		WHERE d.classid = 'pg_publication_rel'::regclass AND d.objid = m.oid AND d.refclassid = 'pg_class'::regclass
			AND d.refobjid = l.oid AND d.refobjsubid > 0 AND d.refobjsubid <> ALL ((i.indkey::int2[])[0:i.indnkeyatts-1]))`
)

// readTables reads the report of the tables from a server of the given version.
func (c *Config) readTables(ctx context.Context, conn *pgx.Conn, version int) (*tableReport, error) {
	sql := fmt.Sprintf(tablesQuery, "SELECT NULL::oid", "false", "false")
	if version >= 15 {
		sql = fmt.Sprintf(tablesQuery, schemasQuery, columnsCondition, filterCondition)
	}
	schemas, names, whatever := []string{}, []string{}, []bool{}
	for _, p := range c.patterns() {
		schemas, names = append(schemas, like(p.schema)), append(names, like(p.name))
		whatever = append(whatever, p.Exact())
	}
	exceptSchemas, exceptNames := []string{}, []string{}
	for _, text := range c.Except {
		if p, err := ParsePattern(text); err == nil {
			exceptSchemas, exceptNames = append(exceptSchemas, like(p.schema)), append(exceptNames, like(p.name))
		}
	}
	rows, err := conn.Query(ctx, sql, c.Name, schemas, names, whatever, exceptSchemas, exceptNames)
	if err != nil {
		return nil, problem.Named("check the tables", err)
	}
	r := &tableReport{}
	var t brokenTable
	_, err = pgx.ForEachRow(rows, []any{&t.Schema, &t.Name, &t.Why, &t.Primary}, func() error {
		if t.Why == "" {
			r.Unpublished = append(r.Unpublished, t.Member)
		} else {
			r.Broken = append(r.Broken, t)
		}
		return nil
	})
	return r, problem.Named("check the tables", err)
}

// Unpublished returns the schemas and names of the tables that the file selects and that are not published.
func (c *Config) Unpublished(ctx context.Context, conn *pgx.Conn) (names [][2]string, err error) {
	r, err := c.readTables(ctx, conn, pgconnect.Major(conn.PgConn()))
	if err != nil {
		return nil, err
	}
	for _, m := range r.Unpublished {
		names = append(names, [2]string{m.Schema, m.Name})
	}
	return names, nil
}

// like translates a part of a pattern for LIKE.
func like(part string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(part)
}

// MostNamed is the maximum number of tables that a reason or a fix names.
const MostNamed = 10

// some lists the first of several tables.
func some[T fmt.Stringer](ts []T) string {
	var names []string
	for _, t := range ts[:min(len(ts), MostNamed)] {
		names = append(names, t.String())
	}
	if more := len(ts) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// problems returns the warnings of a report.
func (r *tableReport) problems(c *Config) (problems []error) {
	for _, state := range []string{identityMissing, "columns_break_updates", "filter_breaks_updates"} {
		if p := r.broken(state); p != nil {
			problems = append(problems, p)
		}
	}
	if len(r.Unpublished) > 0 {
		problems = append(problems, c.tablesUnpublished(r.Unpublished))
	}
	return problems
}

// identityMissing is the state of a table whose UPDATE and DELETE fail because it has no replica identity.
const identityMissing = "replica_identity_missing"

// tablesUnpublished is the warning about tables that were created after the publication was made to match the file.
func (c *Config) tablesUnpublished(ts []Member) *capture.Problem {
	p := &capture.Problem{
		State: "tables_unpublished", Usage: true,
		Reason: fmt.Sprintf("%s: the file selects these tables and publication %s does not have them: their changes are not captured", some(ts), c.Name),
	}
	shown, more := ts[:min(len(ts), MostNamed)], ""
	if len(ts) > len(shown) {
		more = "\n-- and so on for the others"
	}
	var texts, items []string
	for _, m := range shown {
		texts = append(texts, fmt.Sprintf("%q", m.String()))
		items = append(items, "ONLY "+pgconnect.Ident(m.Schema, m.Name))
	}
	const rows = "rows that were written before are not copied; in a replica they come with `tailrace verify -repair FILE`"
	if c.Manage {
		p.Fix = "restart the daemon, and they are published from then on;\n" + rows + ";\n" +
			"or leave them out: add " + strings.Join(texts, ", ") + " to except, and restart" + more
	} else {
		p.Fix = fmt.Sprintf("ALTER PUBLICATION %s ADD TABLE %s;%s\n-- %s;\n-- or name in tables only what is to be published, and restart",
			pgconnect.Ident(c.Name), strings.Join(items, ", "), more, rows)
	}
	return p
}

// broken returns the warning about the tables whose UPDATE and DELETE fail for the reason that state stands for.
func (r *tableReport) broken(state string) *capture.Problem {
	whys := map[string]string{
		"nothing": "its replica identity is NOTHING", "index": "the index of its replica identity is gone or not usable",
		"key":     "it has no usable primary key, and its replica identity is the default",
		"columns": "the publication's column list leaves out a column of the replica identity", "filter": "the publication's filter needs a column that is not in the replica identity",
	}
	var listed, fixes []string
	n := 0
	for _, t := range r.Broken {
		if t.state() != state {
			continue
		}
		if n++; n > MostNamed {
			continue
		}
		listed, fixes = append(listed, fmt.Sprintf("%s (%s)", t, whys[t.Why])), append(fixes, t.fix())
	}
	if n == 0 {
		return nil
	}
	if n > MostNamed {
		listed, fixes = append(listed, fmt.Sprintf("and %d more", n-MostNamed)), append(fixes, "-- and so on for the others")
	}
	return &capture.Problem{
		State: state, Usage: true,
		Reason: "the server refuses UPDATE and DELETE on a published table: " + strings.Join(listed, ", ") + "; no change is missing in the stream",
		Fix:    strings.Join(fixes, "\n"),
	}
}

func (t *brokenTable) state() string {
	switch t.Why {
	case "columns":
		return "columns_break_updates"
	case "filter":
		return "filter_breaks_updates"
	}
	return identityMissing
}

// fix returns the SQL after which the table can be updated again.
func (t *brokenTable) fix() string {
	alter := "ALTER TABLE " + pgconnect.Ident(t.Schema, t.Name)
	switch {
	case t.Why == "columns":
		return "-- change the column list or the replica identity of " + t.String() + " such that the list has all of it"
	case t.Why == "filter":
		return alter + " REPLICA IDENTITY FULL;"
	case t.Primary:
		return alter + " REPLICA IDENTITY DEFAULT;"
	}
	return alter + " REPLICA IDENTITY FULL;\n-- or: " + alter + " ADD PRIMARY KEY (...);"
}

// TableHealth is what is wrong with the tables at present.
type TableHealth struct {
	Warnings    problem.Warnings
	Unpublished int // tables that the file selects and that are not published
}

// TableWatch checks the tables repeatedly. One goroutine uses it.
type TableWatch struct {
	config *Config
	log    *zap.Logger
	health TableHealth
	next   time.Time // of the next check
}

// NewTableWatch creates a TableWatch; it contacts no server.
func NewTableWatch(c *Config, log *zap.Logger) *TableWatch { return &TableWatch{config: c, log: log} }

// CheckShare is the ratio of the pause after a check of the tables to the duration of the check: in a database with very
// many tables, the checks use at most a twentieth of a backend.
const CheckShare = 20

// Check checks the tables when a check is due. An error of this check does not prevent the caller's other checks.
func (w *TableWatch) Check(ctx context.Context, conn *pgx.Conn) (TableHealth, error) {
	began := time.Now()
	if began.Before(w.next) {
		return w.health, nil
	}
	r, err := w.config.readTables(ctx, conn, pgconnect.Major(conn.PgConn()))
	w.next = time.Now().Add(CheckShare * time.Since(began))
	switch {
	case err != nil && conn.IsClosed():
		return w.health, err
	case err != nil:
		w.log.Debug("check the tables", zap.Error(err))
		return w.health, nil
	}
	w.health.Unpublished = len(r.Unpublished)
	var changed bool
	if w.health.Warnings, changed = w.health.Warnings.Next(r.problems(w.config), began); changed {
		w.health.logTo(w.log)
	}
	return w.health, nil
}

func (h *TableHealth) logTo(log *zap.Logger) {
	if len(h.Warnings) == 0 {
		log.Info("the tables are published, and can be updated")
	}
	for _, w := range h.Warnings {
		log.Warn("warning", zap.String("state", w.State), zap.String("reason", w.Reason), zap.String("fix", w.Fix))
	}
}
