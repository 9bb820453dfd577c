package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/testenv"
)

const reducedFile = `
daemon {
  listen = env("LISTEN", "")
}
pipeline "shop" {
  source "postgres" {
    url    = env("DATABASE_URL")
    tables = ["public.*"]
    table "public.users" {
      columns = ["id", "name"]
      enforce = "daemon"
    }
    table "public.orders" {
      columns = ["id", "total"]
      where   = row.region == "EU"
      enforce = "daemon"
    }
  }
  mask "public.masked" {
    columns = { email = null }
  }
  sink "kafka" "bus" {
    brokers = split(",", env("BROKERS", "127.0.0.1:9092"))
    topic   = "shop.all"
    create_topics {
      partitions = 1
    }
  }
  sink "stdout" "out" {}
  sink "postgres" "copy" {
    url              = env("TARGET_URL")
    on_schema_change = "add_columns"
  }
}
`

// Neither Kafka, nor a replica, nor standard output or the log get anything of what the daemon drops, over a restart and an altered table.
func TestWhatTheDaemonDropsIsNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			target := testenv.NewDatabase(t, testenv.SharedPostgres(t, version))
			file := strings.ReplaceAll(reducedFile, `env("TARGET_URL")`, fmt.Sprintf("%q", testenv.SharedPostgres(t, version).URL(target)))
			s := openSite(t, version, file,
				"CREATE TABLE users (id int PRIMARY KEY, secret text, name text)", "ALTER TABLE users REPLICA IDENTITY FULL",
				"CREATE TABLE orders (id int PRIMARY KEY, region text, total numeric(8,2))", "ALTER TABLE orders REPLICA IDENTITY FULL",
				"CREATE TABLE masked (id int PRIMARY KEY, email text)",
				"INSERT INTO users VALUES (1, 'canary', 'a')", "INSERT INTO orders VALUES (1, 'EU', 10), (2, 'canary', 666.66)",
				"INSERT INTO masked VALUES (1, 'canary')")
			logs := &strings.Builder{}
			change := func(id int) {
				s.exec(fmt.Sprintf("INSERT INTO users (id, secret, name) VALUES (%d, 'canary', 'b')", id), "UPDATE users SET secret = 'canary again'",
					fmt.Sprintf("INSERT INTO orders (id, region, total) VALUES (%d, 'EU', 11), (%d, 'canary', 666.66)", id, id+1),
					fmt.Sprintf("UPDATE orders SET region = 'canary', total = 666.66 WHERE id = %d", id), "UPDATE orders SET region = 'EU', total = 12 WHERE id = 2",
					fmt.Sprintf("INSERT INTO masked (id, email) VALUES (%d, 'canary')", id))
				s.waits()
			}
			change(10)
			for _, table := range []string{"users", "orders", "masked"} {
				s.exec("ALTER TABLE " + table + " ADD token text DEFAULT 'canary'")
			}
			s.exec("ALTER TABLE masked ADD phone text", "UPDATE masked SET phone = 'canary'")
			change(20)
			s.daemon.stop(t)
			logs.WriteString(s.daemon.log.String() + s.daemon.out.String())
			masked := strings.Replace(read(t, s.file), "email = null", "email = null, phone = null", 1) // it has a mask now, so it is not new
			if err := os.WriteFile(s.file, []byte(masked), 0o600); err != nil {
				t.Fatal(err)
			}
			s.start()
			s.exec("UPDATE masked SET phone = 'canary'")
			change(30)
			tailraceWith(t, s.env, "", "check", s.file).expect(t, 0, "ok", "")
			verified := tailraceWith(t, s.env, "", "verify", s.file)
			verified.expect(t, 0, "public.users", "public.orders: not compared: where of its table block")
			s.daemon.stop(t)
			logs.WriteString(s.daemon.log.String() + s.daemon.out.String())
			for _, r := range recordsIn(t, s.kafka, s.name+".all") {
				fmt.Fprintf(logs, "%s %s\n", r.Key, r.Value)
			}
			for _, table := range []string{"users", "orders", "masked"} {
				logs.WriteString(s.postgres.Query(t, target, "SELECT string_agg(t::text, ' ' ORDER BY id) FROM "+table+" t") + "\n")
			}
			for _, lost := range []string{"canary", "666.66", "token", "secret", "region"} {
				if i := strings.Index(logs.String(), lost); i >= 0 {
					t.Errorf("%q is in %.300s", lost, logs.String()[max(0, i-200):])
				}
			}
			if got := s.postgres.Query(t, target, "SELECT string_agg(t::text, ' ' ORDER BY id) FROM orders t"); got != "(1,10.00) (2,12.00)" {
				t.Errorf("orders of the replica: %s", got)
			}
			if got := s.postgres.Query(t, target, "SELECT string_agg(t::text, ' ' ORDER BY id) FROM users t"); got != "(1,a) (10,b) (20,b) (30,b)" {
				t.Errorf("users of the replica: %s", got)
			}
		})
	}
}
