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

// constraint is a foreign key or a unique constraint of the target that does not hold.
type constraint struct {
	Kind            string // pg_constraint.contype
	Table, Other    uint32 // whose it is, and the table that a foreign key refers to: of partitions the root
	Name, Refers    string // these tables, in SQL
	Columns, Theirs []string
}

// A constraint of a partition is that of its root.
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

// question is asked of the tables, at the end of the transaction, to know whether a change is to blame.
type question struct {
	sql     string
	params  [][]byte // first those of columns
	columns []int    // of the change's table, which the constraint is about
}

// findBlame finds the changes to blame for what the target says at the end of a transaction, which is written and open.
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
			// Once the rows of others are gone, those that follow are the source's own.
			values := string(bytes.Join(q.params[:len(q.columns)], []byte{0}))
			if a.options.OnConflict == SourceWins && first[values] {
				continue
			}
			first[values], blamed.unique = true, q.columns
		}
		found = append(found, blamed)
	}
	if a.options.OnConflict == SourceWins && k.Kind == "f" && len(found) > 0 {
		return nil, found[0] // no row is in its way
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

// own asks whether the row that a change wrote is there, and has what another one has, or refers to none.
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

// referred asks whether rows refer to what the row was that a change has taken away.
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

// refers says, in SQL, that there is what row t refers to. The operators are those of a plan's columns.
func (k *constraint) refers(p *dml.Plan, columns []int) string {
	conditions := make([]string, len(columns))
	for n, i := range columns {
		conditions[n] = fmt.Sprintf("f.%s %s t.%s", pgconnect.Ident(k.Theirs[n]), p.Operator(i), pgconnect.Ident(k.Columns[n]))
	}
	return "EXISTS (SELECT FROM " + k.Refers + " f WHERE " + strings.Join(conditions, " AND ") + ")"
}
