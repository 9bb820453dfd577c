package workload

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The tables to publish. ledger.grave, which records the versions of deleted rows, is not published.
const (
	Account = "ledger.account"
	Note    = "ledger.note"
	Badge   = "ledger.badge"
	Board   = "ledger.board"
	// TxLog gets one row per committed transaction.
	TxLog = "ledger.tx_log"
)

// keys are the key columns of each table, in their order.
var keys = map[string][]string{
	Account: {"id"},
	Note:    {"account_id", "no"},
	Badge:   {"code"},
	Board:   {"id"},
	TxLog:   {"txn_no"},
}

// Tables returns the names of the tables to publish.
func Tables() []string { return []string{Account, Note, Badge, Board, TxLog} }

// Key returns the key columns of a table, in their order; nil if the workload does not publish the table.
func Key(table string) []string { return keys[table] }

// Numbers of rows that Setup inserts, and the initial balance of every account.
const (
	accounts = 120
	perNotes = 5 // notes per account
	badges   = 40
	boards   = 8
	opening  = 1000
)

// bulkFrom is the first account of a range whose notes only bulk transactions write.
const bulkFrom = 100

const ddl = `
create schema ledger;
create table ledger.account (
    id int primary key, owner text not null, balance bigint not null, rate numeric(20,6), pad text,
    doc jsonb, ver bigint not null, prev_ver bigint not null, updated timestamptz not null default clock_timestamp());
alter table ledger.account alter pad set storage external;
create table ledger.note (
    account_id int, no int, body text, tags text[], ver bigint not null, prev_ver bigint not null,
    primary key (account_id, no));
alter table ledger.note replica identity full;
create table ledger.badge (
    code text primary key, serial int not null, ver bigint not null, prev_ver bigint not null);
create table ledger.board (
    id int primary key, val text, amount numeric, ver bigint not null, prev_ver bigint not null);
create table ledger.tx_log (
    txn_no bigserial primary key, xid bigint not null default pg_current_xact_id()::text::bigint,
    writer int not null, n_changes bigint not null, digest text, at timestamptz not null default clock_timestamp());
create table ledger.grave (place text, id int, ver bigint not null, primary key (place, id));
`

// Create creates the empty tables, in the schema ledger, which must not exist.
func Create(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, ddl); err != nil {
		return fmt.Errorf("create ledger tables: %w", err)
	}
	return nil
}

// Setup is Create and Seed.
func Setup(ctx context.Context, conn *pgx.Conn) error {
	if err := Create(ctx, conn); err != nil {
		return err
	}
	return Seed(ctx, conn)
}

// Seed inserts the first rows, in one transaction that tx_log contains.
func Seed(ctx context.Context, conn *pgx.Conn) error {
	w := &writer{conn: conn, id: -1}
	if _, err := w.transact(ctx, seedRows); err != nil {
		return fmt.Errorf("seed ledger tables: %w", err)
	}
	return nil
}

func seedRows(ctx context.Context, t *turn) error {
	for _, s := range seeds {
		if err := t.do(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	t.board = true
	return nil
}

var seeds = []struct {
	sql  string
	args []any
}{
	{`insert into ledger.account (id, owner, balance, rate, pad, doc, ver, prev_ver)
		select i, 'owner ' || i, $1::bigint, i / 7.0, repeat(md5(i::text), (i % 3) * 100), json_build_object('n', i), 1, 0
		from generate_series(0, $2::int - 1) i`, []any{opening, accounts}},
	{`insert into ledger.note select i / $1::int, i % $1::int, 'note', array['a', null], 1, 0
		from generate_series(0, $2::int - 1) i`, []any{perNotes, accounts * perNotes}},
	{`insert into ledger.badge select 'code-' || i || '-0', i, 1, 0 from generate_series(0, $1::int - 1) i`, []any{badges}},
	{`insert into ledger.board select i, 'val', i, 1, 0 from generate_series(0, $1::int - 1) i`, []any{boards}},
}
