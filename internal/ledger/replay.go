package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// replay holds the statements that apply the events of one table. Rows and keys are JSON objects: $1 is the row of an insert
// or a read, otherwise the key.
type replay struct {
	read, insert, remove string
	where                string // the row of the key $1, as t
}

// columns of each table, in their order.
var columns = map[string][]string{
	workload.Account: {"id", "owner", "balance", "rate", "pad", "doc", "ver", "prev_ver", "updated"},
	workload.Note:    {"account_id", "no", "body", "tags", "ver", "prev_ver"},
	workload.Badge:   {"code", "serial", "ver", "prev_ver"},
	workload.Board:   {"id", "val", "amount", "ver", "prev_ver"},
	workload.TxLog:   {"txn_no", "xid", "writer", "n_changes", "digest", "at"},
}

var replays = func() map[string]replay {
	all := map[string]replay{}
	for _, table := range workload.Tables() {
		key := workload.Key(table)
		list := strings.Join(columns[table], ", ")
		var match []string
		for _, k := range key {
			match = append(match, fmt.Sprintf("t.%s = (jsonb_populate_record(null::%s, $1::jsonb)).%s", k, table, k))
		}
		where := " where " + strings.Join(match, " and ")
		insert := fmt.Sprintf("insert into %s select (jsonb_populate_record(null::%s, $1::jsonb)).*", table, table)
		conflict := fmt.Sprintf(" on conflict (%s) do ", strings.Join(key, ", "))
		excluded := "excluded." + strings.Join(columns[table], ", excluded.")
		all[table] = replay{
			// A snapshot that was restarted reads rows again.
			read:   insert + conflict + fmt.Sprintf("update set (%s) = row(%s)", list, excluded),
			insert: insert + conflict + "nothing",
			remove: fmt.Sprintf("delete from %s t", table) + where,
			where:  where,
		}
	}
	return all
}()

// update returns the statement for an update: $1 is the key and $2 the row, as JSON objects. Columns that were not sent are not
// assigned: the server would store large ones again.
func (r replay) update(o Observation) string {
	sent := slices.DeleteFunc(slices.Clone(columns[o.Table]), func(c string) bool { return slices.Contains(o.Unchanged, c) })
	list := strings.Join(sent, ", ")
	return fmt.Sprintf("update %s t set (%s) = (select %s from jsonb_populate_record(null::%s, $2::jsonb))", o.Table, list, list, o.Table) + r.where
}

// hit expects that one row was changed.
func (f *Fingerprint) hit(o Observation) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			f.found.add("O6 fingerprint: %d rows are there for %s", tag.RowsAffected(), o)
		}
		return nil
	}
}

// complete expects every column of the table in the row or among the unchanged, and no others.
func (f *Fingerprint) complete(o Observation) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(o.Row, &row); err != nil {
		f.found.add("O6 fingerprint: no row in %s", o)
		return
	}
	for _, c := range columns[o.Table] {
		if _, ok := row[c]; ok == slices.Contains(o.Unchanged, c) {
			f.found.add("O6 fingerprint: column %s is neither sent nor unchanged, or both, in %s", c, o)
		}
	}
	if len(row)+len(o.Unchanged) != len(columns[o.Table]) {
		f.found.add("O6 fingerprint: %d columns are too many in %s", len(row)+len(o.Unchanged), o)
	}
}

// keySQL returns the expression for a row's key as in the topics.
func keySQL(table string) string {
	var parts []string
	for _, k := range workload.Key(table) {
		parts = append(parts, fmt.Sprintf(`'"%s":' || to_json(t.%s)`, k, k))
	}
	return "'{' || " + strings.Join(parts, " || ',' || ") + " || '}'"
}

// prints returns the digest of each row by its key.
func prints(ctx context.Context, conn *pgx.Conn, table string) (map[string]string, error) {
	sql := fmt.Sprintf("select %s, md5(t::text) from %s t", keySQL(table), table)
	if _, err := conn.Exec(ctx, "set timezone = 'UTC'"); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	var key, sum string
	_, err = pgx.ForEachRow(rows, []any{&key, &sum}, func() error {
		all[key] = sum
		return nil
	})
	return all, err
}
