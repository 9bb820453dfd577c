package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// writer writes rows into whatever tables the application has.
type writer struct {
	*rand.Rand
	conn            *pgx.Conn
	spared          []string // tables that get no rows from the writer
	tables, written int
	refused         int // statements refused by a constraint of the application
}

func (w *writer) String() string {
	return fmt.Sprintf("%d tables, %d statements with rows, %d refused by constraints", w.tables, w.written, w.refused)
}

// newWriter connects to both databases.
func newWriter(ctx context.Context, server, source string, seed uint64) (*writer, error) {
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = admin.Close(ctx) }()
	for _, sql := range []string{"CREATE DATABASE app", "CREATE DATABASE replica"} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	config, err := pgx.ParseConfig(source)
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	return &writer{Rand: rand.New(rand.NewPCG(seed, 0)), conn: conn}, err
}

func (w *writer) exec(ctx context.Context, sql string) error {
	if _, err := w.conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// own lists the tables in which the tools keep their own records; rows from the writer would mislead them.
var own = []string{"alembic_version", "django_migrations", "django_content_type", "auth_permission"}

// reference matches the name of a column that refers to a row without a foreign key, as generic relations do.
var reference = regexp.MustCompile(`_id$`)

// columnsQuery lists the columns of all tables; those of a foreign key with the column that they refer to.
const columnsQuery = `
SELECT c.oid::regclass::text, quote_ident(a.attname), t.typname, t.typtype::text, t.typcategory::text, a.atttypmod, a.attnotnull,
  a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a',
  coalesce((SELECT f.confrelid::regclass || '.' || quote_ident(r.attname) FROM pg_constraint f
    JOIN pg_attribute r ON r.attrelid = f.confrelid AND r.attnum = f.confkey[array_position(f.conkey, a.attnum)]
    WHERE f.conrelid = c.oid AND f.contype = 'f' AND a.attnum = ANY (f.conkey) LIMIT 1), ''),
  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> ALL ($1)
ORDER BY c.oid, a.attnum`

type column struct {
	table, name, typ, kind, category string
	modifier                         int
	required, filled, computed       bool
	refers                           string
	unique                           bool
}

func (w *writer) columns(ctx context.Context) (tables [][]column, err error) {
	rows, err := w.conn.Query(ctx, columnsQuery, append(w.spared, own...))
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (c column, err error) {
		return c, r.Scan(&c.table, &c.name, &c.typ, &c.kind, &c.category, &c.modifier, &c.required, &c.filled, &c.computed, &c.refers, &c.unique)
	})
	for _, c := range all {
		if last := len(tables) - 1; last < 0 || tables[last][0].table != c.table {
			tables = append(tables, nil)
		}
		tables[len(tables)-1] = append(tables[len(tables)-1], c)
	}
	return tables, err
}

// write inserts, updates and deletes rows in every table; tables that refer to others come in the second pass.
func (w *writer) write(ctx context.Context) error {
	tables, err := w.columns(ctx)
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	w.tables, w.written, w.refused = len(tables), 0, 0
	for range 2 {
		for _, columns := range tables {
			for _, sql := range []string{w.insert(columns), w.insert(columns), w.update(columns), w.update(columns), w.remove(columns)} {
				if sql == "" {
					continue
				}
				if _, err := w.conn.Exec(ctx, sql); err != nil {
					w.refused++
				} else {
					w.written++
				}
				if w.conn.IsClosed() {
					return fmt.Errorf("%s: the connection has ended", sql)
				}
			}
		}
	}
	return nil
}

func (w *writer) insert(columns []column) string {
	var names, values []string
	for _, c := range columns {
		if c.computed || c.filled && c.unique { // the others get values, because NULL may violate a constraint of a later migration
			continue
		}
		names, values = append(names, c.name), append(values, w.value(c))
	}
	if len(names) == 0 {
		return "INSERT INTO " + columns[0].table + " DEFAULT VALUES"
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", columns[0].table, strings.Join(names, ", "), strings.Join(values, ", "))
}

func (w *writer) update(columns []column) string {
	plain := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.unique || c.computed || c.refers != "" })
	if len(plain) == 0 {
		return ""
	}
	c := plain[w.IntN(len(plain))]
	return fmt.Sprintf("UPDATE %s SET %s = %s WHERE ctid IN (SELECT ctid FROM %s ORDER BY ctid LIMIT 2 OFFSET %d)", c.table, c.name, w.value(c),
		c.table, w.IntN(3))
}

func (w *writer) remove(columns []column) string {
	t := columns[0].table
	return fmt.Sprintf("DELETE FROM %s WHERE ctid = (SELECT ctid FROM %s ORDER BY ctid DESC LIMIT 1 OFFSET 2)", t, t)
}

// value returns an expression. Texts are numbers, which are also valid JSON: data migrations read them.
func (w *writer) value(c column) string {
	n := w.IntN(9000)
	if c.refers != "" {
		i := strings.LastIndex(c.refers, ".")
		return fmt.Sprintf("(SELECT %s FROM %s ORDER BY ctid LIMIT 1 OFFSET %d)", c.refers[i+1:], c.refers[:i], w.IntN(2))
	}
	switch {
	case c.kind == "e":
		return fmt.Sprintf("(enum_range(NULL::%s))[1]", c.typ)
	case c.category == "A":
		return "'{}'"
	case reference.MatchString(c.name) && (c.category == "S" || c.category == "N"):
		return "'1'"
	case c.category == "S" && c.modifier > 4 && c.modifier < 8:
		return fmt.Sprintf("'%d'", n%10)
	case c.category == "S" || c.category == "N":
		return fmt.Sprintf("'%d'", n)
	case c.category == "B":
		return fmt.Sprint(n%2 == 0)
	case c.category == "D":
		return fmt.Sprintf("'2026-01-01'::timestamp + '%d min'::interval", n)
	case c.category == "T":
		return fmt.Sprintf("'%d min'", n)
	case c.typ == "json" || c.typ == "jsonb":
		return fmt.Sprintf(`'{"n": %d}'`, n)
	case c.typ == "uuid":
		return fmt.Sprintf("md5('%d')::uuid", n)
	case c.typ == "bytea":
		return fmt.Sprintf(`'\x%08x'`, n)
	}
	return "NULL"
}
