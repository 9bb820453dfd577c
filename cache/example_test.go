package cache_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/internal/testenv"
)

// servers starts what a service has.
func servers() (rdb *redis.Client, pool *pgxpool.Pool, stop func()) {
	postgres, err1 := testenv.StartPostgres()
	server, err2 := testenv.StartRedis()
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	pool, err := pgxpool.New(context.Background(), postgres.URL())
	if err != nil {
		log.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE orders (id int PRIMARY KEY, status text)", "INSERT INTO orders VALUES (1, 'paid'), (2, 'sent')",
	} {
		if _, err := pool.Exec(context.Background(), statement); err != nil {
			log.Fatal(err)
		}
	}
	rdb = redis.NewClient(&redis.Options{Addr: server.Addr()})
	return rdb, pool, func() {
		pool.Close()
		_ = rdb.Close()
		server.Close()
		postgres.Close()
	}
}

func ExampleGet() {
	rdb, pool, stop := servers()
	defer stop()
	ctx := context.Background()

	c, err := cache.New(rdb, "shop", cache.OnPrimary(cache.PGX(pool)))
	if err != nil {
		log.Fatal(err)
	}
	status := func(id int) (string, error) {
		return cache.Get(ctx, c, fmt.Sprint("order:", id), func(ctx context.Context) (status string, err error) {
			fmt.Println("load order", id)
			err = pool.QueryRow(ctx, "SELECT status FROM orders WHERE id = $1", id).Scan(&status)
			if errors.Is(err, pgx.ErrNoRows) {
				err = cache.ErrNotFound
			}
			return status, err
		})
	}
	for _, id := range []int{1, 1, 3, 3} {
		fmt.Println(status(id))
	}
	// Output:
	// load order 1
	// paid <nil>
	// paid <nil>
	// load order 3
	//  not found
	//  not found
}

func ExampleGetMany() {
	rdb, pool, stop := servers()
	defer stop()
	ctx := context.Background()

	c, err := cache.New(rdb, "shop", cache.OnPrimary(cache.PGX(pool)))
	if err != nil {
		log.Fatal(err)
	}
	load := func(ctx context.Context, missing []string) (map[string]string, error) {
		fmt.Println("load", missing)
		rows, err := pool.Query(ctx, "SELECT 'order:' || id, status FROM orders WHERE 'order:' || id = ANY ($1)", missing)
		if err != nil {
			return nil, err
		}
		found := map[string]string{}
		var key, status string
		_, err = pgx.ForEachRow(rows, []any{&key, &status}, func() error { found[key] = status; return nil })
		return found, err
	}
	for _, keys := range [][]string{{"order:1"}, {"order:1", "order:2", "order:3"}, {"order:2", "order:3"}} {
		fmt.Println(cache.GetMany(ctx, c, keys, load))
	}
	// Output:
	// load [order:1]
	// map[order:1:paid] <nil>
	// load [order:2 order:3]
	// map[order:1:paid order:2:sent] <nil>
	// map[order:2:sent] <nil>
}

// A read inside of the caller's transaction sees the caller's own rows, and stores nothing of them.
func ExampleCache_With() {
	rdb, pool, stop := servers()
	defer stop()
	ctx := context.Background()

	c, err := cache.New(rdb, "shop", cache.OnPrimary(cache.PGX(pool)))
	if err != nil {
		log.Fatal(err)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE orders SET status = 'cancelled' WHERE id = 1"); err != nil {
			return err
		}
		r, err := cache.GetResult(ctx, c.With(cache.OnPrimary(cache.PGX(tx))), "order:1", func(ctx context.Context) (status string, err error) {
			err = tx.QueryRow(ctx, "SELECT status FROM orders WHERE id = 1").Scan(&status)
			return status, err
		})
		fmt.Println(r.Value, r.Outcome, r.Reason)
		return err
	})
	fmt.Println(err)
	// Output:
	// cancelled miss own_writes
	// <nil>
}

// A service reads its own writes: it invalidates their keys itself, before the daemon does.
func ExampleCache_Invalidate() {
	rdb, pool, stop := servers()
	defer stop()
	ctx := context.Background()

	c, err := cache.New(rdb, "shop", cache.OnPrimary(cache.PGX(pool)))
	if err != nil {
		log.Fatal(err)
	}
	load := func(ctx context.Context) (status string, err error) {
		err = pool.QueryRow(ctx, "SELECT status FROM orders WHERE id = 1").Scan(&status)
		return status, err
	}
	fmt.Println(cache.Get(ctx, c, "order:1", load))
	if _, err := pool.Exec(ctx, "UPDATE orders SET status = 'sent' WHERE id = 1"); err != nil {
		log.Fatal(err)
	}
	lsn, err := cache.CurrentLSN(ctx, cache.PGX(pool)) // after the commit
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Invalidate(ctx, lsn, "order:1"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(cache.Get(ctx, c, "order:1", load))
	// Output:
	// paid <nil>
	// sent <nil>
}
