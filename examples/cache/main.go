// Command cache is a service that reads orders through the cache that orders.hcl keeps consistent.
//
//	DATABASE_URL=postgres://postgres@localhost/shop REDIS_URL=redis://localhost:6379 go run ./examples/cache
//
//	curl localhost:8080/orders/7
//	curl -X PUT -d paid localhost:8080/orders/7/status
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache"
)

type order struct {
	ID       int
	Customer int
	Status   string
}

// service answers from the cache, and writes to the database.
type service struct {
	pool  *pgxpool.Pool
	cache *cache.Cache
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	options, err := redis.ParseURL(cmp.Or(os.Getenv("REDIS_URL"), "redis://127.0.0.1:6379"))
	if err != nil {
		return err
	}
	options.DialTimeout, options.ReadTimeout = time.Second, 200*time.Millisecond // without Redis, reads go to the database
	client := redis.NewClient(options)
	defer client.Close()
	c, err := cache.New(client, "shop", cache.OnPrimary(cache.PGX(pool)), cache.TTL(time.Hour)) // "shop" is the pipeline
	if err != nil {
		return err
	}
	server := http.Server{Addr: cmp.Or(os.Getenv("ADDRESS"), "127.0.0.1:8080"), Handler: newHandler(pool, c), ReadHeaderTimeout: time.Second}
	return server.ListenAndServe()
}

func newHandler(pool *pgxpool.Pool, c *cache.Cache) http.Handler {
	s := &service{pool: pool, cache: c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", s.read)
	mux.HandleFunc("PUT /orders/{id}/status", s.write)
	return mux
}

func (s *service) read(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	o, err := cache.Get(r.Context(), s.cache, key(id), func(ctx context.Context) (order, error) { return s.load(ctx, id) })
	switch {
	case errors.Is(err, cache.ErrNotFound):
		http.NotFound(w, r)
	case err != nil:
		failed(w, err)
	default:
		_ = json.NewEncoder(w).Encode(o)
	}
}

// key is what the template "order:${row.id}" in orders.hcl gives.
func key(id int) string { return fmt.Sprintf("order:%d", id) }

// load reads an order on a miss.
func (s *service) load(ctx context.Context, id int) (order, error) {
	o := order{ID: id}
	err := s.pool.QueryRow(ctx, "SELECT customer_id, status FROM orders WHERE id = $1", id).Scan(&o.Customer, &o.Status)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, cache.ErrNotFound
	}
	return o, err
}

// write commits, and then deletes the key itself, so that the next read sees the new status. tailrace deletes the key in any case, a
// moment later.
func (s *service) write(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	status, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 100))
	if err != nil {
		http.Error(w, "the status is too long", http.StatusRequestEntityTooLarge)
		return
	}
	if _, err := s.pool.Exec(r.Context(), "UPDATE orders SET status = $2 WHERE id = $1", id, string(status)); err != nil {
		failed(w, err)
		return
	}
	if err := s.invalidate(r.Context(), key(id)); err != nil {
		log.Printf("read your writes: %v", err) // the commit stands
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *service) invalidate(ctx context.Context, key string) error {
	lsn, err := cache.CurrentLSN(ctx, cache.PGX(s.pool))
	if err != nil {
		return err
	}
	return s.cache.Invalidate(ctx, lsn, key)
}

func failed(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "internal error", http.StatusInternalServerError)
}
