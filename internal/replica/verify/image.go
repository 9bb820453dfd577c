package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/internal/pgconnect"
)

// image is the version and hash of the row with a key, on one side. The zero image means that there is no such row.
type image struct {
	version string // xmin
	hash    string
}

// images reads the images of keys.
func (s *side) images(ctx context.Context, keys [][]string) (map[string]image, error) {
	where, params := s.among(keys)
	rows, err := query(ctx, s.conn, fmt.Sprintf("SELECT %s, xmin, %s FROM %s WHERE %s", pgconnect.Idents(s.table.Key), s.hash(),
		s.name.sql(), where), params...)
	if err != nil {
		return nil, s.failed("read rows of", err)
	}
	n := len(s.table.Key)
	all := make(map[string]image, len(rows))
	for _, row := range rows {
		all[keyText(texts(row[:n]))] = image{version: string(row[n]), hash: string(row[n+1])}
	}
	return all, nil
}

// among returns the condition for keys, and its parameters: one array per column of the key.
func (s *side) among(keys [][]string) (string, []string) {
	var casts, sets, params []string
	for i, k := range s.table.Key {
		column := make([]string, len(keys))
		for j := range keys {
			column[j] = keys[j][i]
		}
		params = append(params, array(column))
		sets = append(sets, fmt.Sprintf("$%d::pg_catalog.text[]", i+1))
		casts = append(casts, fmt.Sprintf("k.c%d::%s", i, s.types[k]))
	}
	names := make([]string, len(sets))
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	where := fmt.Sprintf("(%s) IN (SELECT %s FROM ROWS FROM (pg_catalog.unnest(%s)) AS k (%s))", pgconnect.Idents(s.table.Key),
		strings.Join(casts, ", "), strings.Join(sets, "), pg_catalog.unnest("), strings.Join(names, ", "))
	if s.filter != "" {
		where += " AND (" + s.filter + ")"
	}
	return where, params
}

// keyText joins the columns of a key into one comparable string.
func keyText(key []string) string {
	var b strings.Builder
	for _, k := range key {
		fmt.Fprintf(&b, "%d:%s", len(k), k)
	}
	return b.String()
}

// hashes reads the keys and hashes of at most limit rows of a range.
func (s *side) hashes(ctx context.Context, r span, limit int) (map[string]image, [][]string, error) {
	where, params := s.where(r)
	rows, err := query(ctx, s.conn, fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s LIMIT %d", pgconnect.Idents(s.table.Key), s.hash(),
		s.name.sql(), where, limit), params...)
	if err != nil {
		return nil, nil, s.failed("read rows of", err)
	}
	n := len(s.table.Key)
	all := make(map[string]image, len(rows))
	keys := make([][]string, 0, len(rows))
	for _, row := range rows {
		key := texts(row[:n])
		all[keyText(key)] = image{hash: string(row[n])}
		keys = append(keys, key)
	}
	return all, keys, nil
}
