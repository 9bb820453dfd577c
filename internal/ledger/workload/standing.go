package workload

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// standing reads, in one statement and so in one snapshot, what is true after every commit of the workload. A transaction that
// writes ledger.board locks it from before it takes its txn_no until it has ended, so the last digest is the board's.
var standing = `select
	(select coalesce(sum(balance), 0) from ledger.account),
	(select count(*) from ledger.account where ver < 0) + (select count(*) from ledger.note where ver < 0)
		+ (select count(*) from ledger.badge where ver < 0) + (select count(*) from ledger.board where ver < 0),
	` + DigestBoard + `,
	coalesce((select digest from ledger.tx_log where digest is not null order by txn_no desc limit 1), '')`

// Standing reads a replica once, while it is written to, and returns a violation that no reader may ever see in it: missing
// money, rows of transactions that were rolled back, or a small table that differs from its last commit.
// broken is that finding, "" if there is none; err reports that the replica could not be read.
func Standing(ctx context.Context, conn *pgx.Conn) (broken string, err error) {
	var sum, wrong int64
	var have, want string
	if err := conn.QueryRow(ctx, standing).Scan(&sum, &wrong, &have, &want); err != nil {
		return "", err
	}
	switch {
	case sum != accounts*opening:
		return fmt.Sprintf("the balances sum up to %d, not %d", sum, accounts*opening), nil
	case wrong > 0:
		return fmt.Sprintf("%d rows are of transactions that were rolled back", wrong), nil
	case have != want:
		return fmt.Sprintf("%s has the digest %s, its last commit says %s", Board, have, want), nil
	}
	return "", nil
}
