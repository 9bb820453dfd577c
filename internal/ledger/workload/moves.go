package workload

import (
	"context"
	"fmt"
	"strings"
)

// move is the work of a transaction before its row of tx_log.
type move func(context.Context, *turn) error

// moves are chosen by weight.
var moves = []struct {
	weight int
	move   move
}{
	{300, transfer},
	{150, edit},
	{120, several},
	{100, churnNote},
	{80, writeBoard},
	{60, rename},
	{60, churnAccount},
	{50, mistaken},
	{50, abandoned},
	{5, large},
}

func (w *writer) choose() move {
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	n := w.rand.IntN(total)
	for _, m := range moves {
		if n -= m.weight; n < 0 {
			return m.move
		}
	}
	return transfer
}

const (
	step  = "ver = ver + 1, prev_ver = ver"
	wrong = "ver = -1, prev_ver = -1"
)

// transfer moves money between two accounts; their pads, if any, stay and are not sent.
func transfer(ctx context.Context, t *turn) error {
	from, to := t.rand.IntN(accounts), t.rand.IntN(accounts)
	if from == to {
		to = (to + 1) % accounts
	}
	if err := t.lock(ctx, from, to); err != nil {
		return err
	}
	const pay = "update ledger.account set " + step + ", balance = balance + $2, updated = clock_timestamp() where id = $1"
	amount := t.rand.IntN(50)
	if err := t.one(ctx, pay, from, -amount); err != nil {
		return err
	}
	return t.one(ctx, pay, to, amount)
}

// edit changes columns of one account other than its balance: half of the time with a new pad, small, large or none.
func edit(ctx context.Context, t *turn) error {
	id := t.rand.IntN(accounts)
	if t.rand.IntN(2) == 0 {
		return t.one(ctx, "update ledger.account set "+step+", rate = rate * $2::numeric, doc = json_build_object('s', $3::text) where id = $1",
			id, "1.000003", t.pad(16))
	}
	var pad any
	if size := []int{0, 200, 2500, 6000}[t.rand.IntN(4)]; size > 0 {
		pad = t.pad(size)
	}
	return t.one(ctx, "update ledger.account set "+step+", pad = $2 where id = $1", id, pad)
}

// several writes many rows, some of them twice.
func several(ctx context.Context, t *turn) error {
	first := t.rand.IntN(accounts - 8)
	if err := t.aside(ctx, "select 1 from ledger.account where id between $1 and $1 + 7 order by id for update", first); err != nil {
		return err
	}
	const update = "update ledger.account set " + step + ", owner = owner || $2 where id between $1 and $1 + $3"
	for _, width := range []int{7, t.rand.IntN(7)} {
		if err := t.do(ctx, update, first, "", width); err != nil {
			return err
		}
	}
	return t.do(ctx, "update ledger.account set "+step+", owner = 'owner é \"' || id where id between $1 and $1 + 3", first)
}

// rename changes keys.
func rename(ctx context.Context, t *turn) error {
	serial := t.rand.IntN(badges)
	code := fmt.Sprintf("code-%d-%x \"'", serial, t.rand.Uint32())
	return t.one(ctx, "update ledger.badge set "+step+", code = $2 where serial = $1", serial, code)
}

// writeBoard changes the small table under a lock that lasts until the commit, so that its digest is exact there.
func writeBoard(ctx context.Context, t *turn) error {
	if err := t.aside(ctx, "lock table ledger.board in exclusive mode"); err != nil {
		return err
	}
	t.board = true
	for range 1 + t.rand.IntN(3) {
		const update = "update ledger.board set " + step + ", val = $2, amount = amount * 3 + 0.1 where id = $1"
		if err := t.do(ctx, update, t.rand.IntN(boards), t.pad(20)); err != nil {
			return err
		}
	}
	return t.do(ctx, "update ledger.board set "+step+", amount = 1 where amount > 1e30")
}

// mistaken does work that it rolls back in savepoints between work that it commits.
func mistaken(ctx context.Context, t *turn) error {
	id := t.rand.IntN(accounts)
	at := fmt.Sprintf(" where id = %d", id)
	if err := t.lock(ctx, id); err != nil {
		return err
	}
	for range 2 {
		if err := t.one(ctx, "update ledger.account set "+step+at); err != nil {
			return err
		}
		err := t.undone(ctx, "update ledger.account set "+wrong+", balance = 0, pad = repeat('wrong', 1000)"+at,
			"insert into ledger.badge values ('wrong' || pg_current_xact_id(), -1, -1, -1)",
			"delete from ledger.account"+at)
		if err != nil {
			return err
		}
	}
	return nil
}

// abandoned does work and rolls all of it back.
func abandoned(ctx context.Context, t *turn) error {
	id := t.rand.IntN(accounts)
	work := []string{
		fmt.Sprintf("update ledger.account set %s, balance = balance - 1, pad = '%s' where id = %d", wrong, t.pad(3000), id),
		fmt.Sprintf("insert into ledger.note values (-1, %d, 'wrong', null, -1, -1)", id),
		"insert into ledger.tx_log (writer, n_changes) values (-1, -1)",
	}
	if err := t.aside(ctx, strings.Join(work, ";")); err != nil {
		return err
	}
	return errRollBack
}

// large writes some hundred rows: more than the server decodes in memory if logical_decoding_work_mem is small, and
// more than one batch of the daemon.
func large(ctx context.Context, t *turn) error {
	if err := t.aside(ctx, "lock table ledger.grave in share row exclusive mode"); err != nil {
		return err
	}
	for range 4 {
		const update = "update ledger.note set " + step + ", body = left(md5(random()::text) || repeat(body, 9), 900) where account_id >= $1"
		if err := t.do(ctx, update, bulkFrom); err != nil {
			return err
		}
	}
	return nil
}
