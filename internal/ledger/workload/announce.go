package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5"
)

// announcement is one transaction that makes events, all of one customer. It writes what it expects into shop.expected.
type announcement struct {
	tx       pgx.Tx
	rand     *rand.Rand
	customer int
	by       string // the annotation; "": none
	trace    string // of the annotation
}

// part is one thing that an announcement does.
type part func(context.Context, *announcement) error

var parts = []part{place, place, pay, pay, touch, post, keep, send, mistake}

// announce runs a transaction of some parts. It rolls some transactions back.
func (w *writer) announce(ctx context.Context) error {
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // after a commit it does nothing
	a := &announcement{tx: tx, rand: w.rand, customer: w.rand.IntN(customers)}
	const lock = "select 1 from shop.counter where key in ($1, $2) order by kind for update"
	if err := a.exec(ctx, lock, a.key(), MessagePrefix+a.key()); err != nil {
		return err
	}
	if w.rand.IntN(2) == 0 {
		if err := a.annotate(ctx); err != nil {
			return err
		}
	}
	for range 1 + w.rand.IntN(4) {
		if err := parts[w.rand.IntN(len(parts))](ctx, a); err != nil {
			return err
		}
	}
	if w.rand.IntN(10) == 0 {
		return errRollBack
	}
	return tx.Commit(ctx)
}

func (a *announcement) key() string { return fmt.Sprint(a.customer) }

func (a *announcement) exec(ctx context.Context, sql string, args ...any) error {
	_, err := a.tx.Exec(ctx, sql, args...)
	return err
}

// annotate annotates the transaction with who makes it, and a trace. A wrong annotation before it is rolled back.
func (a *announcement) annotate(ctx context.Context) error {
	const emit = "select pg_logical_emit_message(true, 'tailrace.tx', $1::text)"
	if err := a.exec(ctx, "savepoint wrong"); err != nil {
		return err
	}
	if err := a.exec(ctx, emit, `{"by":"wrong","why":"wrong","traceparent":"`+a.traceparent()+`"}`); err != nil {
		return err
	}
	if err := a.exec(ctx, "rollback to savepoint wrong"); err != nil {
		return err
	}
	parent, state := a.traceparent(), fmt.Sprintf("shop=%x", a.rand.Uint32())
	a.by, a.trace = fmt.Sprintf("by-%x", a.rand.Uint32()), parent+" "+state
	return a.exec(ctx, emit, fmt.Sprintf(`{"by":%q,"traceparent":%q,"tracestate":%q}`, a.by, parent, state))
}

func (a *announcement) traceparent() string {
	return fmt.Sprintf("00-%016x%016x-%016x-01", a.rand.Uint64()|1, a.rand.Uint64(), a.rand.Uint64()|1)
}

// quotedBy is the annotation as JSON.
func (a *announcement) quotedBy() string {
	if a.by == "" {
		return "null"
	}
	return fmt.Sprintf("%q", a.by)
}

// next returns the number of the next event of a kind and key, and takes n numbers.
func (a *announcement) next(ctx context.Context, kind, key string, n int) (ver int64, err error) {
	const count = "update shop.counter set ver = ver + $3 where kind = $1 and key = $2 returning ver - $3 + 1"
	err = a.tx.QueryRow(ctx, count, kind, key, n).Scan(&ver)
	return ver, err
}

func (a *announcement) expect(ctx context.Context, k EventKey, e Event) error {
	return a.exec(ctx, "insert into shop.expected values ($1, $2, $3, $4, $5)", k.Kind, k.Key, k.Ver, e.Body, e.Trace)
}

// place inserts an order and its lines, of which it deletes some again.
func place(ctx context.Context, a *announcement) error {
	ver, err := a.next(ctx, Placed, a.key(), 1)
	if err != nil {
		return err
	}
	const insert = `insert into shop.orders (customer, status, placed, doc)
		values ($1, 'open', $2::bigint, repeat(md5($2::bigint::text), 4 * $3::int)) returning id`
	var order int64
	large := a.rand.IntN(40) == 0
	doc := 1
	if large {
		doc = 800 // 100 kB
	}
	if err := a.tx.QueryRow(ctx, insert, a.customer, ver, doc).Scan(&order); err != nil {
		return err
	}
	n := a.rand.IntN(6)
	if large {
		n = 300
	}
	var lines string
	const fill = `with l as (insert into shop.lines (order_id, qty) select $1::bigint, n from generate_series(1, $2::int) n returning id)
		select coalesce(string_agg(id::text, ',' order by id) filter (where id % 5 <> 0), '') from l`
	if err := a.tx.QueryRow(ctx, fill, order, n).Scan(&lines); err != nil {
		return err
	}
	if err := a.exec(ctx, "delete from shop.lines where order_id = $1 and id % 5 = 0", order); err != nil {
		return err
	}
	body := fmt.Sprintf(`{"ver":%d,"prev_ver":%d,"order":%d,"by":%s,"lines":[%s]}`, ver, ver-1, order, a.quotedBy(), lines)
	return a.expect(ctx, EventKey{Placed, a.key(), ver}, Event{body, a.trace})
}

// pay sets the status of an order, if there is one that is not paid.
func pay(ctx context.Context, a *announcement) error {
	var order int64
	const open = "select id from shop.orders where customer = $1 and status = 'open' order by id limit 1"
	err := a.tx.QueryRow(ctx, open, a.customer).Scan(&order)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	ver, err := a.next(ctx, Paid, a.key(), 1)
	if err != nil {
		return err
	}
	var doc string
	const update = "update shop.orders set status = 'paid', paid = $2 where id = $1 returning left(doc, 8)"
	if err := a.tx.QueryRow(ctx, update, order, ver).Scan(&doc); err != nil {
		return err
	}
	body := fmt.Sprintf(`{"ver":%d,"prev_ver":%d,"order":%d,"by":%s,"doc":%q}`, ver, ver-1, order, a.quotedBy(), doc)
	return a.expect(ctx, EventKey{Paid, a.key(), ver}, Event{body, a.trace})
}

// touch updates orders of which some are paid. That is no event.
func touch(ctx context.Context, a *announcement) error {
	return a.exec(ctx, `update shop.orders set touched = touched + 1
		where id in (select id from shop.orders where customer = $1 order by id desc limit 3)`, a.customer)
}

// post inserts rows into the outbox and deletes them, as many as do not fit into one batch from time to time.
func post(ctx context.Context, a *announcement) error {
	n := 1 + a.rand.IntN(3)
	if a.rand.IntN(150) == 0 {
		n = 400
	}
	if err := a.store(ctx, Outbox, Posted, n); err != nil {
		return err
	}
	return a.exec(ctx, "delete from shop.outbox where key = $1", a.key())
}

func keep(ctx context.Context, a *announcement) error {
	return a.store(ctx, Kept, Stored, 1+a.rand.IntN(3))
}

// store inserts rows into an outbox. Every second row has a trace of its own.
func (a *announcement) store(ctx context.Context, table, kind string, n int) error {
	ver, err := a.next(ctx, kind, a.key(), n)
	if err != nil {
		return err
	}
	own := a.traceparent()
	const rows = ` select %s from (select i, $3::bigint + i as ver, case when i %% 2 = 0 then $4::text end as own,
		format('{"ver":%%s, "prev_ver":%%s,  "pad":"%%s"}', $3::bigint + i, $3::bigint + i - 1, repeat(md5(i::text), 20)) as body
		from generate_series(0, $5::int - 1) i) r`
	insert := "insert into " + table + " (kind, key, payload, trace)" + fmt.Sprintf(rows, "$1::text, $2::text, body, own") + " order by i"
	if err := a.exec(ctx, insert, kind, a.key(), ver, own, n); err != nil {
		return err
	}
	expect := "insert into shop.expected" + fmt.Sprintf(rows, "$1::text, $2::text, ver, body, coalesce(own || ' ', $6::text)")
	return a.exec(ctx, expect, kind, a.key(), ver, own, n, a.trace)
}

// send emits a message.
func send(ctx context.Context, a *announcement) error {
	key := MessagePrefix + a.key()
	ver, err := a.next(ctx, Message, key, 1)
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"ver":%d,  "prev_ver":%d}`, ver, ver-1)
	if err := a.exec(ctx, "select pg_logical_emit_message(true, $1::text, $2::text)", key, body); err != nil {
		return err
	}
	return a.expect(ctx, EventKey{Message, key, ver}, Event{body, a.trace})
}

// mistake does work of every kind in a savepoint, and rolls back to it.
func mistake(ctx context.Context, a *announcement) error {
	const wrongRow = "'wrong', '%[1]d', '{\"ver\":-1,\"prev_ver\":-2}')"
	work := []string{
		"savepoint mistake",
		"insert into shop.orders (customer, status, placed, doc) values (%[1]d, 'open', -1, '')",
		"insert into shop.lines (order_id, qty) select max(id), -1 from shop.orders",
		"update shop.orders set status = 'paid', paid = -1 where customer = %[1]d",
		"insert into shop.outbox (kind, key, payload) values (" + wrongRow,
		"insert into shop.kept (kind, key, payload) values (" + wrongRow,
		`select pg_logical_emit_message(true, 'shop.%[1]d', '{"ver":-1,"prev_ver":-2}')`,
		`select pg_logical_emit_message(true, 'tailrace.tx', '{"by":"wrong","tracestate":"wrong=1"}')`,
		"rollback to savepoint mistake",
	}
	return a.exec(ctx, fmt.Sprintf(strings.Join(work, ";"), a.customer))
}
