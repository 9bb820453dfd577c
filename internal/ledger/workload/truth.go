package workload

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Truth is the state of the source after all writers have ended.
type Truth struct {
	Txs map[int64]Tx // by txn_no
	Sum int64        // of all balances
}

// Tx is a transaction in tx_log.
type Tx struct {
	XID int64
	N   int64 // changes, including its row of tx_log
}

// ReadTruth reads the truth from the source.
func ReadTruth(ctx context.Context, conn *pgx.Conn) (Truth, error) {
	t := Truth{Txs: map[int64]Tx{}}
	rows, err := conn.Query(ctx, "select txn_no, xid, n_changes from ledger.tx_log")
	if err != nil {
		return t, fmt.Errorf("read tx_log: %w", err)
	}
	var no int64
	var tx Tx
	_, err = pgx.ForEachRow(rows, []any{&no, &tx.XID, &tx.N}, func() error {
		t.Txs[no] = tx
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("read tx_log: %w", err)
	}
	if err := conn.QueryRow(ctx, "select sum(balance)::bigint from ledger.account").Scan(&t.Sum); err != nil {
		return t, fmt.Errorf("read balances: %w", err)
	}
	if t.Sum != accounts*opening {
		return t, fmt.Errorf("the balances in the source sum up to %d, not %d: the workload is wrong", t.Sum, accounts*opening)
	}
	return t, nil
}
