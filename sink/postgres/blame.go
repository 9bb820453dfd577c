package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// constraint is a foreign key or unique constraint of the target that is violated.
type constraint struct {
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

// question is a query at the end of the transaction that tells whether a change is to blame.
type question struct {
	sql     string
	params  [][]byte // those of columns first
	columns []int    // of the change's table that the constraint includes
}

// findBlame finds the changes to blame for a violation at the end of the open transaction, after all its changes are written.
func (a *applier) findBlame(ctx context.Context, why *pgconn.PgError, changes []*capture.Change) (found []*conflict, err error) {
	rows, err := a.db.Query(ctx, constraintQuery, []byte(why.SchemaName), []byte(why.TableName), []byte(why.ConstraintName))
	if err != nil || len(rows) != 1 {
		return nil, named("look for constraint "+why.ConstraintName, err)
	}
	var k constraint
	if err := json.Unmarshal(rows[0][0], &k); err != nil {
		return nil, fmt.Errorf("read constraint %s: %w", why.ConstraintName, err)
	}
	first := map[string]bool{}
	for _, c := range changes {
		q := k.question(a.plans[c.Table], c)
		if q == nil {
			continue
		}
		answer, err := a.db.Query(ctx, "SELECT "+q.sql, q.params...)
		if err != nil {
			return nil, named("look for the rows of constraint "+why.ConstraintName, err)
		}
		if string(answer[0][0]) != "t" {
			continue
		}
		blamed := &conflict{plan: a.plans[c.Table], change: c, err: why}
		if k.Kind != "f" {
			// Once the conflicting rows are deleted, later changes only meet rows of the source.
			values := string(bytes.Join(q.params[:len(q.columns)], []byte{0}))
			if a.options.OnConflict == SourceWins && first[values] {
				continue
			}
			first[values], blamed.unique = true, q.columns
		}
		found = append(found, blamed)
	}
	if a.options.OnConflict == SourceWins && k.Kind == "f" && len(found) > 0 {
		return nil, found[0] // no row can be deleted to resolve it
	}
	return found, nil
}

func (k *constraint) question(p *dml.Plan, c *capture.Change) *question {
	if p == nil || c.Op == capture.Truncate {
		return nil
	}
	var q *question
	if p.Rel.OID == k.Table && c.After != nil {
		q = k.own(p, c)
	}
	if q == nil && k.Kind == "f" && p.Rel.OID == k.Other && c.Before != nil {
		q = k.referred(p, c)
	}
	return q
}

// own asks whether the row that a change wrote still exists and has the same values as another one, or references a missing row.
func (k *constraint) own(p *dml.Plan, c *capture.Change) *question {
	columns := p.Locate(k.Columns, c.After)
	if columns == nil {
		return nil
	}
	values, params := p.HasValues(columns, c.After, nil)
	key, all := p.HasValues(p.Key, c.After, params)
	row := "SELECT FROM " + p.Name + " t WHERE " + values + " AND " + key
	if k.Kind != "f" {
		return &question{"EXISTS (" + row + ") AND (SELECT pg_catalog.count(*) > 1 FROM " + p.Name + " t WHERE " + values + ")", all, columns}
	}
	return &question{"EXISTS (" + row + " AND NOT " + k.refers(p, columns) + ")", all, columns}
}

// referred asks whether rows still reference the old row of a change.
func (k *constraint) referred(p *dml.Plan, c *capture.Change) *question {
	columns := p.Locate(k.Theirs, c.Before)
	if columns == nil {
		return nil
	}
	conditions, params := make([]string, len(columns)), make([][]byte, len(columns))
	for n, i := range columns {
		conditions[n] = fmt.Sprintf("t.%s %s $%d::%s", pgconnect.Ident(k.Columns[n]), p.Operator(i), n+1, p.Rel.Columns[i].Type)
		params[n] = dml.Param(c.Before[i])
	}
	return &question{
		"EXISTS (SELECT FROM " + k.Name + " t WHERE " + strings.Join(conditions, " AND ") + " AND NOT " + k.refers(p, columns) + ")", params, columns,
	}
}

// refers returns the condition that the row exists which row t references. The operators are those of the plan's columns.
func (k *constraint) refers(p *dml.Plan, columns []int) string {
	conditions := make([]string, len(columns))
	for n, i := range columns {
		conditions[n] = fmt.Sprintf("f.%s %s t.%s", pgconnect.Ident(k.Theirs[n]), p.Operator(i), pgconnect.Ident(k.Columns[n]))
	}
	return "EXISTS (SELECT FROM " + k.Refers + " f WHERE " + strings.Join(conditions, " AND ") + ")"
}
