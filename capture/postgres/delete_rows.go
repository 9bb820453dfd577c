package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// DeleteRows implements daemon.RowDeleter. It opens a connection of its own: rows are deleted rarely, and many at a time.
func (s *Settings) DeleteRows(ctx context.Context, pipeline string, t *capture.Table, keys [][]string) error {
	c, err := s.Config(pipeline)
	if err != nil {
		return err
	}
	conn, err := c.control(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn.Close)
	sql := deleteByKey(t)
	for some := range slices.Chunk(keys, maxDelete) {
		if _, err := conn.Exec(ctx, sql, byColumn(some, len(t.Key))...); err != nil {
			return problem.Named("delete rows of "+t.String(), err)
		}
	}
	return nil
}

// maxDelete is how many rows one statement deletes: others wait for a lock on one of them only briefly.
const maxDelete = 1000

// byColumn returns an array for each of n columns.
func byColumn(keys [][]string, n int) []any {
	arrays := make([]any, n)
	for i := range n {
		texts := make([]string, len(keys))
		for row, key := range keys {
			texts[row] = key[i]
		}
		arrays[i] = texts
	}
	return arrays
}

// deleteByKey returns the statement that deletes rows by the texts of their key columns, which are its parameters: one array for each.
func deleteByKey(t *capture.Table) string {
	var arrays, names, conditions []string
	for i, column := range t.Key {
		def := &t.Columns[column]
		arrays = append(arrays, fmt.Sprintf("$%d::pg_catalog.text[]", i+1))
		names = append(names, fmt.Sprintf("k%d", i))
		conditions = append(conditions, fmt.Sprintf("r.%s = k.k%d::%s", pgconnect.Ident(def.Name), i, typeOf(def.Type)))
	}
	return fmt.Sprintf("DELETE FROM %s AS r USING unnest(%s) AS k(%s) WHERE %s", pgconnect.Ident(t.Schema, t.Name),
		strings.Join(arrays, ", "), strings.Join(names, ", "), strings.Join(conditions, " AND "))
}

// typeOf returns the qualified and quoted name of a type.
func typeOf(t *capture.Type) string {
	schema := t.Schema
	if schema == "" {
		schema = "pg_catalog"
	}
	return pgconnect.Ident(schema, t.Name)
}
