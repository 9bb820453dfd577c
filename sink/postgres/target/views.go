package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// view is a view or a generated column of the target. Postgres does not alter the type of a column that one uses.
type view struct {
	Name    string  // in SQL
	Kind    string  // pg_class.relkind; "g" for a generated column
	SQL     string  // the query, or what follows the name of the column
	Number  int16   // of a generated column
	Columns []int16 // of the table, used directly or through other views
}

// generatedQuery reads the generated columns of a table, with the columns that they use.
const generatedQuery = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Name', pg_catalog.quote_ident(a.attname), 'Kind', 'g', 'Number', a.attnum,
    'SQL', pg_catalog.format_type(a.atttypid, a.atttypmod) || ' GENERATED ALWAYS AS (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ') '
      || CASE WHEN a.attgenerated = 's' THEN 'STORED' ELSE 'VIRTUAL' END,
    'Columns', (SELECT pg_catalog.json_agg(u.refobjsubid) FROM pg_catalog.pg_depend u
      WHERE u.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND u.objid = d.oid AND u.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND u.refobjid = d.adrelid AND u.refobjsubid <> 0)) ORDER BY a.attnum)
FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.adrelid = $1::pg_catalog.text::pg_catalog.oid AND a.attgenerated <> ''`

// viewsQuery reads all views that depend on a table, in order of dependency.
const viewsQuery = `
WITH RECURSIVE uses (view, used, columns) AS (
  SELECT r.ev_class, d.refobjid, pg_catalog.array_agg(d.refobjsubid)
  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
  WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND r.ev_class <> d.refobjid
  GROUP BY r.ev_class, d.refobjid),
all_views (view, columns, level) AS (
  SELECT u.view, u.columns, 1 FROM uses u WHERE u.used = $1::pg_catalog.text::pg_catalog.oid
  UNION ALL
  SELECT u.view, v.columns, v.level + 1 FROM all_views v JOIN uses u ON u.used = v.view)
SELECT pg_catalog.json_agg(pg_catalog.json_build_object('Name', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
    'Kind', c.relkind, 'SQL', pg_catalog.pg_get_viewdef(c.oid), 'Columns', v.columns) ORDER BY v.level, c.oid)
FROM (SELECT view, max(level) AS level, pg_catalog.array_agg(DISTINCT number) AS columns
  FROM all_views, pg_catalog.unnest(columns) AS number GROUP BY view) v
JOIN pg_catalog.pg_class c ON c.oid = v.view JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm')`

// findViews reads the views and generated columns if the type of any column may have to change.
func (p *planned) findViews(ctx context.Context, conn *pgconn.PgConn) error {
	differs := false
	for i := range p.table.Columns {
		c := &p.table.Columns[i]
		f := p.column(c)
		differs = differs || f != nil && f.Full != p.types.sql(c.Type, c.Modifier)
	}
	if !differs {
		return nil
	}
	var generated, all []view
	if err := ask(ctx, conn, &generated, generatedQuery, fmt.Sprint(p.found.OID)); err != nil {
		return fmt.Errorf("read generated columns of %s: %w", p.target, err)
	}
	if err := ask(ctx, conn, &all, viewsQuery, fmt.Sprint(p.found.OID)); err != nil {
		return fmt.Errorf("read views of %s: %w", p.target, err)
	}
	p.views = map[int16][]view{}
	for _, g := range generated {
		for _, n := range g.Columns {
			if n != g.Number {
				p.views[n] = append(p.views[n], g)
			}
		}
	}
	for i := range p.found.Columns {
		n := p.found.Columns[i].Number
		for _, v := range all {
			if slices.Contains(v.Columns, n) || slices.ContainsFunc(p.views[n], func(g view) bool { return slices.Contains(v.Columns, g.Number) }) {
				p.views[n] = append(p.views[n], v)
			}
		}
	}
	return nil
}

// withViews returns the SQL that drops the views and generated columns that use a column, alters the column, and recreates
// them.
func (p *planned) withViews(f *foundColumn, sql string) string {
	views := p.views[f.Number]
	if len(views) == 0 {
		return sql
	}
	var drop, create []string
	for _, v := range slices.Backward(views) {
		if v.Kind == "g" {
			drop = append(drop, "ALTER TABLE "+p.target+" DROP COLUMN "+v.Name+";")
		} else {
			drop = append(drop, "DROP "+v.kind()+" "+v.Name+";")
		}
	}
	for _, v := range views {
		if v.Kind == "g" {
			create = append(create, "ALTER TABLE "+p.target+" ADD COLUMN "+v.Name+" "+v.SQL+";")
		} else {
			create = append(create, "CREATE "+v.kind()+" "+v.Name+" AS\n"+strings.TrimSpace(v.SQL))
		}
	}
	return "BEGIN;\n" + strings.Join(drop, "\n") + "\n" + sql + "\n" + strings.Join(create, "\n") +
		"\nCOMMIT; -- what was dropped has lost its grants, options and indexes"
}

func (v view) kind() string {
	if v.Kind == "m" {
		return "MATERIALIZED VIEW"
	}
	return "VIEW"
}
