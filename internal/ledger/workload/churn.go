package workload

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// churnNote deletes a note or inserts it again: its versions continue, as recorded in ledger.grave.
func churnNote(ctx context.Context, t *turn) error {
	a, no := t.rand.IntN(bulkFrom), t.rand.IntN(perNotes)
	var ver int64
	err := t.tx.QueryRow(ctx, "delete from ledger.note where account_id = $1 and no = $2 returning ver", a, no).Scan(&ver)
	switch {
	case err == nil:
		t.n++
		return t.bury(ctx, Note, a*perNotes+no, ver)
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	if ver, err = t.exhume(ctx, Note, a*perNotes+no); err != nil {
		return err
	}
	return t.one(ctx, "insert into ledger.note values ($1, $2, $3, $4, $5 + 2, $5 + 1)",
		a, no, t.pad(50), []string{"x", `"quoted" \`, t.pad(8)}, ver)
}

// churnAccount deletes an account and moves its money to another one in the same transaction, or opens it again, empty.
// Mostly it does both at once, so that most accounts exist.
func churnAccount(ctx context.Context, t *turn) error {
	id := t.rand.IntN(accounts)
	heir := (id + 1 + t.rand.IntN(accounts-1)) % accounts
	if err := t.lock(ctx, id, heir); err != nil {
		return err
	}
	var balance, ver int64
	err := t.tx.QueryRow(ctx, "select balance, ver from ledger.account where id = $1 for update", id).Scan(&balance, &ver)
	if errors.Is(err, pgx.ErrNoRows) {
		return openAccount(ctx, t, id)
	}
	if err != nil {
		return err
	}
	if err := t.one(ctx, "update ledger.account set "+step+", balance = balance + $2 where id = $1", heir, balance); err != nil {
		return err
	}
	if err := t.one(ctx, "delete from ledger.account where id = $1", id); err != nil {
		return err
	}
	if err := t.bury(ctx, Account, id, ver); err != nil || t.rand.IntN(4) == 0 {
		return err
	}
	return openAccount(ctx, t, id)
}

func openAccount(ctx context.Context, t *turn, id int) error {
	ver, err := t.exhume(ctx, Account, id)
	if err != nil {
		return err
	}
	const open = `insert into ledger.account (id, owner, balance, rate, pad, doc, ver, prev_ver)
		values ($1, 'again', 0, 1.5, $2, '{"again": [1, null, "x"]}', $3 + 2, $3 + 1)`
	return t.one(ctx, open, id, t.pad(2100), ver)
}

// bury records the last version of a deleted row; the delete counts as the next one.
func (t *turn) bury(ctx context.Context, place string, id int, ver int64) error {
	return t.aside(ctx, "insert into ledger.grave values ($1, $2, $3)", place, id, ver)
}

func (t *turn) exhume(ctx context.Context, place string, id int) (ver int64, err error) {
	err = t.tx.QueryRow(ctx, "delete from ledger.grave where place = $1 and id = $2 returning ver", place, id).Scan(&ver)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNoRow
	}
	return ver, err
}
