package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/testenv"
)

// secret is the password of the database in these tests; no verb may show it.
const secret = "canary-of-a-real-server-90fe"

// shop is a real database that wants the password, with three orders.
type shop struct {
	server *testenv.PostgresServer
	name   string
}

func openShop(t *testing.T, options ...testenv.PostgresOption) *shop {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a Postgres server")
	}
	s := &shop{server: testenv.Postgres(t, append(options, testenv.HBA("host all,replication all all scram-sha-256"))...)}
	s.name = testenv.NewDatabase(t, s.server)
	s.server.Exec(t, "ALTER ROLE postgres PASSWORD '"+secret+"'")
	s.server.ExecIn(t, s.name, "CREATE TABLE orders (id int PRIMARY KEY, status text)",
		"INSERT INTO orders SELECT n, 'new' FROM generate_series(1, 3) n")
	return s
}

// file is a pipeline "orders" from the shop's tables into standard output.
func (s *shop) file(t *testing.T, daemon, table string) string {
	t.Helper()
	return place(t, "orders.hcl", fmt.Sprintf(`
daemon {
  listen = %q
}
pipeline "orders" {
  source "postgres" {
    url      = "postgres://postgres@127.0.0.1:%d/%s"
    password = env("PASSWORD")
    tables   = [%q]
  }
  sink "stdout" "out" {}
}
`, daemon, s.server.Port, s.name, table))
}

var withPassword = []string{"PASSWORD=" + secret}

func TestPipeline(t *testing.T) {
	s := openShop(t)
	address := unusedAddress(t)
	file := s.file(t, address, "public.orders")
	tailraceWith(t, withPassword, "", "check", file).expect(t, 0, "ok: 1 pipeline, 1 sink, checked live", "")

	d := startDaemon(t, withPassword, address, file, "-log-level", "debug")
	waits := func() result { return tailrace(t, "wait", "-pipeline", "orders", "-url", d.url) }
	waits().expect(t, 0, "every sink holds everything up to", "")
	s.server.ExecIn(t, s.name, "UPDATE orders SET id = 4 WHERE id = 3", "DELETE FROM orders WHERE id = 1")
	waits().expect(t, 0, "every sink holds everything up to", "")
	if ops := printed(t, d.out.String()); ops != "read 1, read 2, read 3, delete 3, insert 4, delete 1" {
		t.Errorf("it printed %s", ops)
	}
	if body, err := d.get("/readyz?strict"); err != nil || !strings.Contains(body, `"ready": true`) {
		t.Errorf("readyz: %s %v", body, err)
	}
	tailrace(t, "status", "-url", d.url).expect(t, 0, "orders  streaming for ", "")
	tailraceWith(t, withPassword, "", "drop", "-yes", "-pipeline", "orders", file).expect(t, 2, "", "slot_active")

	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.log)
	}
	if strings.Contains(d.log.String(), secret) {
		t.Errorf("the log shows the password: %s", &d.log)
	}
	drop := func(flags ...string) result {
		return tailraceWith(t, withPassword, "", append([]string{"drop", "-pipeline", "orders", file}, flags...)...)
	}
	drop().expect(t, 2, "would be removed:\n  slot tailrace_orders", "confirm with -yes")
	drop("-yes").expect(t, 0, "removed:\n  slot tailrace_orders", "")
	drop("-yes").expect(t, 0, "there is nothing to remove", "")
}

// A sink that takes nothing any more holds up neither the end of the daemon nor its exit code.
func TestStopWithAStuckSink(t *testing.T) {
	s := openShop(t)
	s.server.ExecIn(t, s.name, "INSERT INTO orders SELECT n, repeat('x', 1000) FROM generate_series(10, 5000) n")
	address := unusedAddress(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d := &daemonProcess{cmd: process(ctx, withPassword, "run", s.file(t, address, "public.orders")), url: "http://" + address}
	out, err := d.cmd.StdoutPipe() // of which one byte is read
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = &d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d after %s: %s", code, time.Since(began), &d.log)
	}
	t.Logf("it took %s", time.Since(began))
}

// printed is what the stdout sink printed, as operations on ids.
func printed(t *testing.T, out string) string {
	t.Helper()
	var list []string
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var e struct {
			Op       string
			Row, Old *struct{ ID int }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Row == nil {
			e.Row = e.Old
		}
		list = append(list, fmt.Sprintf("%s %d", e.Op, e.Row.ID))
	}
	return strings.Join(list, ", ")
}

func TestTwoDaemonsOnOneSlot(t *testing.T) {
	s := openShop(t)
	one, two := unusedAddress(t), unusedAddress(t)
	first := startDaemon(t, withPassword, one, s.file(t, one, "public.orders"))
	eventually(t, func() bool { // its snapshot is over; until then the second one could take the slot
		body, err := first.get("/readyz?strict")
		return err == nil && strings.Contains(body, `"ready": true`)
	})
	second := startDaemon(t, withPassword, two, s.file(t, two, "public.orders"))
	role(t, second, pipeline.Standby)
	if body, _ := second.get("/readyz"); !strings.Contains(body, `"ready": true`) {
		t.Errorf("a standby is ready for a load balancer: %s", body)
	}
	if body, _ := second.get("/readyz?strict"); !strings.Contains(body, `"ready": false`) {
		t.Errorf("a standby does not stream: %s", body)
	}
	if code := first.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &first.log)
	}
	role(t, second, pipeline.Active)
	tailrace(t, "wait", "-pipeline", "orders", "-url", second.url).expect(t, 0, "every sink holds", "")
	if code := second.stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, &second.log)
	}
}

// role waits until the daemon has a role in the pipeline.
func role(t *testing.T, d *daemonProcess, want string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		body, err := d.get("/api/v1/pipelines/orders")
		if err == nil && strings.Contains(body, `"role": "`+want+`"`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is not %s: %s %v\n%s", want, body, err, &d.log)
		}
	}
}

func TestWhatALiveCheckFinds(t *testing.T) {
	s := openShop(t)
	for _, c := range []struct {
		name, table, password, want string
	}{
		{"a table that is not there", "public.odrers", secret, "public.odrers"},
		{"a wrong password", "public.orders", "canary-" + secret, "password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := s.file(t, "127.0.0.1:0", c.table)
			for _, verb := range [][]string{{"check", file}, {"run", "-strict", file}} {
				r := tailraceWith(t, []string{"PASSWORD=" + c.password}, "", verb...)
				r.expect(t, 2, "", c.want)
				if strings.Contains(r.err, secret) {
					t.Errorf("%s shows the password: %s", verb[0], r.err)
				}
			}
		})
	}
}
