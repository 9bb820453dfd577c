package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	stock     = 1000 // orders that exist before tailrace starts
	writers   = 4
	pace      = 4 * time.Millisecond // between two transactions of one writer
	campaign  = 50                   // after so many transactions a writer writes one of many rows
	patience  = 60 * time.Second     // far more than any step takes
	schemaSQL = `
		CREATE TABLE public.orders (
			id       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
			customer text NOT NULL,
			status   text NOT NULL DEFAULT 'placed',
			total    numeric(10,2) NOT NULL,
			version  int NOT NULL DEFAULT 1);
		ALTER TABLE public.orders REPLICA IDENTITY FULL;
		CREATE TABLE public.order_lines (
			order_id bigint NOT NULL REFERENCES public.orders ON DELETE CASCADE,
			line     int NOT NULL,
			sku      text NOT NULL,
			quantity int NOT NULL,
			PRIMARY KEY (order_id, line))`
	stockSQL  = `INSERT INTO public.orders (customer, total) SELECT 'customer ' || n % 97, n % 300 + 0.95 FROM generate_series(1, $1) n`
	insertSQL = `INSERT INTO public.orders (customer, total) VALUES ($1, $2) RETURNING id`
	linesSQL  = `INSERT INTO public.order_lines VALUES ($1, 1, 'tea', 2), ($1, 2, 'cup', 1)`
	updateSQL = `UPDATE public.orders SET version = version + 1, status =
		CASE status WHEN 'placed' THEN 'paid' WHEN 'paid' THEN 'packed' WHEN 'packed' THEN 'shipped' ELSE 'placed' END
		WHERE id BETWEEN $1 AND $2`
	deleteSQL = `DELETE FROM public.orders WHERE id = $1`
)

// shop writes orders. An order counts its own changes in the column version, so that the demo can detect a missing change
// or one out of order.
type shop struct {
	url     string
	desk    *pgx.Conn    // for the goroutine that owns the shop
	newest  atomic.Int64 // id
	written atomic.Int64 // changes that are committed, without the stock

	stopping atomic.Bool
	running  sync.WaitGroup
	failed   chan error // an error of a writer
}

func openShop(ctx context.Context, url string) (*shop, error) {
	desk, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("open the shop: %w", err)
	}
	s := &shop{url: url, desk: desk, failed: make(chan error, writers)}
	if _, err = desk.Exec(ctx, schemaSQL); err == nil {
		_, err = desk.Exec(ctx, stockSQL, stock)
	}
	s.newest.Store(stock)
	if err != nil {
		return nil, fmt.Errorf("fill the shop: %w", err)
	}
	return s, nil
}

// place writes an order and its lines in one transaction.
func (s *shop) place(ctx context.Context) (id int64, err error) {
	err = pgx.BeginFunc(ctx, s.desk, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, insertSQL, "customer 1", 10.95).Scan(&id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, linesSQL, id)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("write an order and its lines: %w", err)
	}
	s.written.Add(1)
	return id, nil
}

// insert writes one order.
func (s *shop) insert(ctx context.Context, c *pgx.Conn) (id int64, err error) {
	err = c.QueryRow(ctx, insertSQL, fmt.Sprintf("customer %d", rand.IntN(97)), rand.IntN(300)).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("write an order: %w", err)
	}
	s.written.Add(1)
	return id, nil
}

// change runs a statement on orders and counts its rows.
func (s *shop) change(ctx context.Context, c *pgx.Conn, sql string, args ...any) error {
	tag, err := c.Exec(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("change orders: %w", err)
	}
	s.written.Add(tag.RowsAffected())
	return nil
}

// open lets the writers write until shut.
func (s *shop) open() {
	s.stopping.Store(false)
	for i := range writers {
		s.running.Go(func() {
			if err := s.write(i == 0); err != nil {
				s.failed <- err
			}
		})
	}
}

// shut returns when the writers have stopped, with the first of their errors.
func (s *shop) shut() error {
	s.stopping.Store(true)
	s.running.Wait()
	select {
	case err := <-s.failed:
		return err
	default:
		return nil
	}
}

// write is one writer. A statement is never cancelled: the writer would not know whether it is committed.
func (s *shop) write(campaigns bool) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return fmt.Errorf("enter the shop: %w", err)
	}
	defer c.Close(ctx)
	for n := 1; !s.stopping.Load(); n++ {
		last := s.newest.Load()
		first := 1 + rand.Int64N(last)
		switch {
		case campaigns && n%campaign == 0:
			err = s.change(ctx, c, updateSQL, first, first+200)
		case n%3 == 0:
			var id int64
			id, err = s.insert(ctx, c)
			s.newest.Store(max(id, last))
		default:
			err = s.change(ctx, c, updateSQL, first, first)
		}
		if err != nil {
			return err
		}
		time.Sleep(pace)
	}
	return nil
}

// versions reads the table: how often each order was changed.
func (s *shop) versions(ctx context.Context) (map[int64]int64, error) {
	rows, err := s.desk.Query(ctx, "SELECT id, version FROM public.orders")
	if err != nil {
		return nil, fmt.Errorf("read the orders: %w", err)
	}
	versions := map[int64]int64{}
	var id, version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		versions[id] = version
		return nil
	})
	return versions, err
}

// slot returns the process that uses the slot, 0 if none does, and how many bytes of WAL the slot keeps.
func (s *shop) slot(ctx context.Context) (pid, kept int64, err error) {
	err = s.desk.QueryRow(ctx, `SELECT coalesce(active_pid, 0), pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint
		FROM pg_replication_slots WHERE slot_name = $1`, slotName).Scan(&pid, &kept)
	if err != nil {
		return 0, 0, fmt.Errorf("look at slot %s: %w", slotName, err)
	}
	return pid, kept, nil
}

func (s *shop) close() {
	_ = s.shut()
	_ = s.desk.Close(context.Background())
}
