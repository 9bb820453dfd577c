package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/testenv"
)

// TestAReplicaUnderKills moves money between accounts in the source, kills the daemon and ends its sessions in the target
// meanwhile, and looks at the target all the time: the balances add up to nothing there at every moment, and every
// transfer is there once.
func TestAReplicaUnderKills(t *testing.T) {
	s := openShop(t)
	target := testenv.NewDatabase(t, s.server)
	s.server.ExecIn(t, s.name, "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)",
		"CREATE TABLE transfers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int NOT NULL)",
		"INSERT INTO accounts SELECT n, 0 FROM generate_series(1, 20) n")
	address := unusedAddress(t)
	file := place(t, "orders.hcl", fmt.Sprintf(`
daemon { listen = %q }
pipeline "orders" {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    tables   = ["public.*"]
  }
  sink "postgres" "reporting" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    schema   = "copy"
  }
}`, address, s.server.Port, s.name, s.server.Port, target))
	wait := func(d *daemonProcess) {
		t.Helper()
		tailrace(t, "wait", "-pipeline", "orders", "-url", d.url).expect(t, 0, "every sink holds everything up to", "")
	}
	d := startDaemon(t, withPassword, address, file)
	wait(d)

	ctx, stop := context.WithCancel(t.Context())
	moved, looked, first := make(chan int), make(chan int), make(chan struct{})
	go func() { moved <- s.transfer(ctx, t) }()
	go func() { looked <- s.add(ctx, t, target, sync.OnceFunc(func() { close(first) })) }()
	select {
	case <-first:
	case <-time.After(time.Minute):
		t.Errorf("no transfer has come: %s", &d.log)
	}
	for round := range 6 {
		time.Sleep(time.Duration(200+rand.IntN(200)) * time.Millisecond)
		s.server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tailrace/orders/reporting'")
		if round%2 == 0 {
			continue
		}
		if err := d.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = d.cmd.Wait()
		d = startDaemon(t, withPassword, address, file)
	}
	stop()
	n, seen := <-moved, <-looked
	wait(d)
	t.Logf("%d transfers, %d looks at the sum", n, seen)
	if n == 0 || seen == 0 {
		t.Error("nothing happened: the test shows nothing")
	}
	for _, table := range []string{"accounts", "transfers"} {
		sum := "SELECT count(*) || md5(string_agg(t::text, ';' ORDER BY id)) FROM %s." + table + " t"
		want, got := s.server.Query(t, s.name, fmt.Sprintf(sum, "public")), s.server.Query(t, target, fmt.Sprintf(sum, "copy"))
		if got != want {
			t.Errorf("%s: %s in the target, %s in the source\n%s", table, got, want, &d.log)
		}
	}
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
}

// connect opens a connection to a database of the shop's server.
func (s *shop) connect(ctx context.Context, t *testing.T, database string) *pgx.Conn {
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/%s", secret, s.server.Port, database))
	if err != nil {
		t.Error(err)
		return nil
	}
	return conn
}

// transfer moves money until ctx ends, and returns how often.
func (s *shop) transfer(ctx context.Context, t *testing.T) (n int) {
	conn := s.connect(ctx, t, s.name)
	if conn == nil {
		return 0
	}
	defer conn.Close(context.Background())
	for ctx.Err() == nil {
		from, amount := 1+rand.IntN(20), rand.IntN(100)
		_, err := conn.Exec(context.Background(), fmt.Sprintf(`BEGIN; UPDATE accounts SET balance = balance - %d WHERE id = %d;
			UPDATE accounts SET balance = balance + %[1]d WHERE id = %d; INSERT INTO transfers (amount) VALUES (%[1]d); COMMIT`,
			amount, from, 1+from%20))
		if err != nil {
			t.Error(err)
			return n
		}
		n++
	}
	return n
}

// add reads the sum of the balances in the target until ctx ends, and returns how often it has seen accounts. Each time it calls
// seen.
func (s *shop) add(ctx context.Context, t *testing.T, target string, seen func()) (n int) {
	conn := s.connect(ctx, t, target)
	if conn == nil {
		return 0
	}
	defer conn.Close(context.Background())
	last := 0
	for ctx.Err() == nil {
		var sum, accounts, transfers int
		err := conn.QueryRow(context.Background(), `SELECT sum(balance), count(*), (SELECT count(*) FROM copy.transfers) FROM copy.accounts`).Scan(
			&sum, &accounts, &transfers)
		if err != nil {
			time.Sleep(10 * time.Millisecond) // no transfer has come yet
			continue
		}
		if n++; sum != 0 || accounts != 20 || transfers < last {
			t.Errorf("%d accounts have %d in sum after %d transfers, and %d before", accounts, sum, transfers, last)
			return n
		}
		last = transfers
		seen()
	}
	return n
}
