package dml

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// Constraint is a foreign key or unique constraint of the target that is violated.
type Constraint struct {
	Kind            string // pg_constraint.contype
	Table, Other    uint32 // the table, and the one that a foreign key references; the root for partitions
	Name, Refers    string // these tables, qualified and quoted
	Columns, Theirs []string
}

// constraintQuery attributes a constraint of a partition to the root.
const constraintQuery = `
SELECT pg_catalog.json_build_object('Kind', k.contype, 'Table', t.oid::pg_catalog.int8, 'Other', coalesce(f.oid::pg_catalog.int8, 0),
  'Name', pg_catalog.format('%I.%I', tn.nspname, t.relname), 'Refers', CASE WHEN f.oid IS NOT NULL THEN pg_catalog.format('%I.%I', fn.nspname, f.relname) ELSE '' END,
  'Columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY c.ord) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS c (num, ord)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.num),
  'Theirs', (SELECT pg_catalog.json_agg(a.attname ORDER BY c.ord) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS c (num, ord)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.num))
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class r ON r.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = coalesce(pg_catalog.pg_partition_root(r.oid), r.oid)
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_class f ON f.oid = coalesce(pg_catalog.pg_partition_root(k.confrelid), k.confrelid)
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
WHERE n.nspname = $1 AND r.relname = $2 AND k.conname = $3 AND k.contype IN ('f', 'u', 'p')`

// ReadConstraint reads a foreign key or unique constraint of a table. It returns nil when there is none with that name.
func ReadConstraint(ctx context.Context, db *Conn, schema, table, name string) (*Constraint, error) {
	rows, err := db.Query(ctx, constraintQuery, []byte(schema), []byte(table), []byte(name))
	if err != nil || len(rows) != 1 {
		return nil, err
	}
	k := &Constraint{}
	if err := json.Unmarshal(rows[0][0], k); err != nil {
		return nil, fmt.Errorf("read constraint %s: %w", name, err)
	}
	return k, nil
}

// Question is a query at the end of a transaction that tells whether a change is to blame for a violation.
type Question struct {
	SQL     string
	Params  [][]byte // those of Columns first
	Columns []int    // of the change's table that the constraint includes
}

// Question returns the question whether a change violates k; nil when it cannot. p is the plan of its table, or nil.
func (k *Constraint) Question(p *Plan, c *capture.Change) *Question {
	if p == nil || c.Op == capture.Truncate {
		return nil
	}
	var q *Question
	if p.Rel.OID == k.Table && c.After != nil {
		q = k.own(p, c)
	}
	if q == nil && k.Kind == "f" && p.Rel.OID == k.Other && c.Before != nil {
		q = k.referred(p, c)
	}
	return q
}

// own asks whether the row that a change wrote still exists and has the same values as another one, or references a missing row.
func (k *Constraint) own(p *Plan, c *capture.Change) *Question {
	columns := p.locate(k.Columns, c.After)
	if columns == nil {
		return nil
	}
	values, params := p.hasValues(columns, c.After, nil)
	key, all := p.hasValues(p.Key, c.After, params)
	row := "SELECT FROM " + p.Name + " t WHERE " + values + " AND " + key
	if k.Kind != "f" {
		return &Question{"SELECT EXISTS (" + row + ") AND (SELECT pg_catalog.count(*) > 1 FROM " + p.Name + " t WHERE " + values + ")", all, columns}
	}
	return &Question{"SELECT EXISTS (" + row + " AND NOT " + k.refers(p, columns) + ")", all, columns}
}

// referred asks whether rows still reference the old row of a change.
func (k *Constraint) referred(p *Plan, c *capture.Change) *Question {
	columns := p.locate(k.Theirs, c.Before)
	if columns == nil {
		return nil
	}
	conditions, params := make([]string, len(columns)), make([][]byte, len(columns))
	for n, i := range columns {
		conditions[n] = fmt.Sprintf("t.%s %s $%d::%s", pgconnect.Ident(k.Columns[n]), p.operator(i), n+1, p.Rel.Columns[i].Type)
		params[n] = Param(c.Before[i])
	}
	return &Question{
		"SELECT EXISTS (SELECT FROM " + k.Name + " t WHERE " + strings.Join(conditions, " AND ") + " AND NOT " + k.refers(p, columns) + ")", params, columns,
	}
}

// refers returns the condition that the row exists which row t references. The operators are those of the plan's columns.
func (k *Constraint) refers(p *Plan, columns []int) string {
	conditions := make([]string, len(columns))
	for n, i := range columns {
		conditions[n] = fmt.Sprintf("f.%s %s t.%s", pgconnect.Ident(k.Theirs[n]), p.operator(i), pgconnect.Ident(k.Columns[n]))
	}
	return "EXISTS (SELECT FROM " + k.Refers + " f WHERE " + strings.Join(conditions, " AND ") + ")"
}
