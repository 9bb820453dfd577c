package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/tailrace/tailrace/cache"
	"github.com/tailrace/tailrace/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestServiceReadsItsOwnWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	postgres, server := testenv.SharedPostgres(t, testenv.Newest), testenv.Redis(t)
	database := testenv.NewDatabase(t, postgres)
	postgres.ExecIn(t, database, "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL)",
		"INSERT INTO orders VALUES (7, 3, 'new')")
	pool, err := pgxpool.New(t.Context(), postgres.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	c, err := cache.New(client, "shop", cache.OnPrimary(cache.PGX(pool)))
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(pool, c)
	for _, x := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/orders/7", "", http.StatusOK, `{"ID":7,"Customer":3,"Status":"new"}`},
		{"GET", "/orders/7", "", http.StatusOK, `{"ID":7,"Customer":3,"Status":"new"}`},
		{"GET", "/orders/8", "", http.StatusNotFound, "404 page not found"},
		{"GET", "/orders/x", "", http.StatusNotFound, "404 page not found"},
		{"PUT", "/orders/7/status", "paid", http.StatusNoContent, ""},
		{"GET", "/orders/7", "", http.StatusOK, `{"ID":7,"Customer":3,"Status":"paid"}`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), x.method, x.path, strings.NewReader(x.body)))
		if got := strings.TrimSpace(w.Body.String()); w.Code != x.code || x.want != "" && got != x.want {
			t.Errorf("%s %s: %d %s, want %d %s", x.method, x.path, w.Code, got, x.code, x.want)
		}
	}
	if stored := client.Get(t.Context(), "order:7").Val(); !strings.Contains(stored, "paid") {
		t.Errorf("Redis has %q", stored)
	}
}
