package ddl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tablesQuery lists the tables of a database with their columns: whole trees, no partitions.
const tablesQuery = `
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT IN ('information_schema', 'tailrace')
GROUP BY 1, 2 ORDER BY 1, 2`

// Difference is a table whose rows differ.
type Difference struct {
	Table           string
	Missing, Extra  []string // rows of the source that the replica lacks, and vice versa
	Source, Replica int      // rows
	Broken          string   // why the replica's rows could not be read
}

func (d Difference) String() string {
	if d.Broken != "" {
		return fmt.Sprintf("%s: %s", d.Table, d.Broken)
	}
	return fmt.Sprintf("%s: %d rows in the source, %d in the replica\n  only in the source:\n%s  only in the replica:\n%s", d.Table,
		d.Source, d.Replica, lines(d.Missing), lines(d.Extra))
}

func lines(rows []string) string {
	var b strings.Builder
	for i, r := range rows {
		if i == 6 {
			fmt.Fprintf(&b, "    ... %d more\n", len(rows)-i)
			break
		}
		b.WriteString("    " + r + "\n")
	}
	return b.String()
}

// Compare compares all tables of the source with those of the replica by the text of their rows, in the columns of the source.
func Compare(ctx context.Context, source, target *pgx.Conn) (all []Difference, err error) {
	rows, err := source.Query(ctx, tablesQuery)
	if err != nil {
		return nil, fmt.Errorf("list the source's tables: %w", err)
	}
	type named struct {
		schema, name string
		columns      []string
	}
	tables, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (n named, err error) {
		return n, r.Scan(&n.schema, &n.name, &n.columns)
	})
	if err != nil {
		return nil, fmt.Errorf("list the source's tables: %w", err)
	}
	for _, t := range tables {
		query := contentQuery(pgx.Identifier{t.schema, t.name}, t.columns)
		want, err := content(ctx, source, query)
		if err != nil {
			return nil, fmt.Errorf("read %s of the source: %w", t.name, err)
		}
		d := Difference{Table: t.schema + "." + t.name}
		have, err := content(ctx, target, query)
		if err != nil {
			d.Broken = err.Error()
			all = append(all, d)
			continue
		}
		if d.Missing, d.Extra = subtract(want, have), subtract(have, want); len(d.Missing)+len(d.Extra) > 0 {
			d.Source, d.Replica = len(want), len(have)
			all = append(all, d)
		}
	}
	return all, nil
}

func contentQuery(table pgx.Identifier, columns []string) string {
	if len(columns) == 0 {
		return "SELECT ''::text FROM " + table.Sanitize()
	}
	var list []string
	for _, c := range columns {
		list = append(list, fmt.Sprintf("'%s=' || coalesce(%s::text, 'NULL')", strings.ReplaceAll(c, "'", "''"), pgx.Identifier{c}.Sanitize()))
	}
	return "SELECT " + strings.Join(list, " || ' ' || ") + " AS r FROM " + table.Sanitize() + " ORDER BY 1"
}

func content(ctx context.Context, conn *pgx.Conn, query string) ([]string, error) {
	rows, err := conn.Query(ctx, query, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	slices.Sort(list)
	return list, err
}

// subtract returns the elements of the sorted list a that are missing in b, with their multiplicity.
func subtract(a, b []string) (rest []string) {
	j := 0
	for _, s := range a {
		for j < len(b) && b[j] < s {
			j++
		}
		if j < len(b) && b[j] == s {
			j++
			continue
		}
		rest = append(rest, s)
	}
	return rest
}
