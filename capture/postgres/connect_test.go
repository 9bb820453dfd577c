package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/testenv"
)

const secret = "s3cr3t-c4n4ry"

// noSecret checks every way of printing an error.
func noSecret(t testing.TB, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := fmt.Sprintf("%v %s", e, e)
		if p := capture.AsProblem(e); p != nil {
			text += p.Fix + p.Reason
		}
		if strings.Contains(text, secret) || strings.Contains(text, "s3cr3t") {
			t.Errorf("secret in %q", text)
		}
	}
}

func state(err error) string {
	if p := capture.AsProblem(err); p != nil {
		return p.State
	}
	return fmt.Sprintf("no problem: %v", err)
}

func TestConnectRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, version := range []int{testenv.Oldest, testenv.Newest} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			server := testenv.Postgres(t, testenv.Version(version), testenv.TLS(), testenv.HBA(
				"host all open 127.0.0.1/32 trust\nhostssl all crypt 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n"+
					"host all limited 127.0.0.1/32 scram-sha-256"))
			server.Exec(t, "CREATE ROLE limited LOGIN PASSWORD '"+secret+"' CONNECTION LIMIT 0",
				"CREATE ROLE crypt LOGIN REPLICATION PASSWORD '"+secret+"'", "CREATE ROLE nobody LOGIN", "CREATE ROLE open LOGIN")
			for _, test := range []struct{ url, password, state string }{
				{"postgres://limited@%s/postgres", "wrong" + secret, "authentication_failed"},
				{"postgres://limited:" + secret + "wrong@%s/postgres", "", "authentication_failed"},
				{"postgres://limited@%s/postgres", secret, "too_many_connections"},
				{"postgres://nobody@%s/postgres", secret, "authentication_failed"},
				{"postgres://crypt@%s/postgres?sslmode=disable", secret, "authentication_failed"},
				{"postgres://crypt@%s/postgres?sslmode=verify-full", secret, "tls_unverified"},
				{"postgres://crypt@%s/postgres?sslmode=verify-full&sslrootcert=/nowhere/" + "ca.crt", secret, "url_invalid"},
				{"postgres://open@%s/nosuch", secret, "database_missing"},
				{"postgres://crypt@%s/postgres", secret, ""}, // plain text is refused on loopback, TLS is not
				{"postgres://crypt@%s/postgres?sslmode=verify-full&sslrootcert=" + server.CAFile, secret, ""},
			} {
				c := &Config{URL: fmt.Sprintf(test.url, server.Addr()), Slot: "tailrace_x"}
				if test.password != "" {
					c.Password = func() (string, error) { return test.password, nil }
				}
				conn, err := c.control(t.Context())
				if conn != nil {
					conn.Close(t.Context())
				}
				if err == nil && test.state == "" {
					repl, err := c.replication(t.Context())
					if err != nil {
						t.Errorf("%s: %v", test.url, err)
						continue
					}
					repl.Close(t.Context())
					continue
				}
				if state(err) != test.state {
					t.Errorf("%s: %v, want %s", test.url, err, test.state)
				}
				noSecret(t, err)
			}
		})
	}
}

func TestPasswordIsReadAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.Postgres(t, testenv.HBA("host all all 127.0.0.1/32 scram-sha-256"))
	server.Exec(t, "CREATE ROLE r LOGIN PASSWORD 'new'")
	passwords := []string{"old", "new"}
	c := &Config{URL: "postgres://r@" + server.Addr() + "/postgres", Slot: "tailrace_x", Password: func() (string, error) {
		p := passwords[0]
		passwords = passwords[1:]
		return p, nil
	}}
	if _, err := c.control(t.Context()); state(err) != "authentication_failed" {
		t.Errorf("old password: %v", err)
	}
	conn, err := c.control(t.Context())
	if err != nil {
		t.Fatalf("new password: %v", err)
	}
	conn.Close(t.Context())
}

func TestServerDownAndStarting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := &Config{URL: "postgres://r:" + secret + "@" + l.Addr().String() + "/postgres?sslmode=disable", Slot: "tailrace_x"}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	for _, url := range []string{c.URL, "postgres://r:" + secret + "@127.0.0.1:1/x", "postgres://r:" + secret + "@no-such.invalid/x"} {
		c.URL = url
		_, err := c.control(t.Context())
		if p := capture.AsProblem(err); p == nil || p.State != "source_unreachable" || p.Halted {
			t.Errorf("%v, want source_unreachable, retried", err)
		}
		noSecret(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.replication(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's end", err)
	}
	if err := problem.Named("connect", &pgconn.PgError{Code: "57P03"}); state(err) != "source_starting" {
		t.Error(err)
	}
}

// A server that is not the one that is asked for, as during a failover, has not refused TLS, although the driver has tried that.
func TestServerOfTheOtherRole(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	server := testenv.SharedPostgres(t, testenv.Newest)
	for url, want := range map[string]string{
		server.URL() + "?target_session_attrs=standby":                                         "source_unreachable",
		"postgres://postgres@127.0.0.1:1," + server.Addr() + "/x?target_session_attrs=standby": "source_unreachable",
		"postgres://postgres@127.0.0.1:1," + server.Addr() + "/x?sslmode=require":              "source_unreachable",
		"postgres://postgres@" + server.Addr() + "," + server.Addr() + "/x?sslmode=require":    "tls_refused",
		server.URL() + "?sslmode=require":                                                      "tls_refused",
	} {
		c := &Config{URL: strings.Replace(url, "/x?", "/postgres?", 1), Slot: "tailrace_x"}
		_, err := c.control(t.Context())
		if p := capture.AsProblem(err); p == nil || p.State != want || p.Halted != (want == "tls_refused") {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
}

func TestURLsThatMoveSecrets(t *testing.T) {
	for _, url := range []string{
		"postgres://u:s3cr3t@x" + secret + "@h/db", "postgres://u:12/" + secret + "@h/db", "postgres://u:a?" + secret + "@h/db",
		"host=h password=" + secret, "postgres://u:" + secret + "@h:port/db", "postgres://u:%zz" + secret + "@h/db",
		"postgres://u:" + secret + "@h/db?sslmode=never", "", "mysql://u:" + secret + "@h/db",
		"postgres://u:" + secret + "@h/db?target_session_attrs=some",
	} {
		c := &Config{URL: url, Slot: "tailrace_x"}
		_, err := c.control(t.Context())
		if state(err) != "url_invalid" {
			t.Errorf("%q: %v", url, err)
		}
		noSecret(t, err)
	}
}

func TestTLSIsTheDefault(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for url, verified := range map[string]bool{
		"postgres://u@db.example.com/x":                                  true,
		"postgres://u@10.0.0.7/x?connect_timeout=3":                      true,
		"postgres://u@127.0.0.1,db.example.com/x":                        true,
		"postgres://u@127.0.0.1/x":                                       false,
		"postgres://u@[::1]:5433/x":                                      false,
		"postgres://u@localhost/x":                                       false,
		"postgres://u@%2Fvar%2Frun/x":                                    false,
		"postgres://u@db.example.com/x?sslmode=disable":                  false,
		"postgres://u@db.example.com/x?sslmode=require":                  false,
		"postgres://u@db.example.com/x?application_name=a&sslmode=allow": false,
	} {
		pc, err := (&Config{URL: url, Slot: "tailrace_orders"}).parse()
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := pc.TLSConfig != nil && !pc.TLSConfig.InsecureSkipVerify && pc.TLSConfig.ServerName != ""; got != verified {
			t.Errorf("%s: verified %v, want %v", url, got, verified)
		}
		if verified {
			for _, f := range pc.Fallbacks {
				if f.TLSConfig == nil || f.TLSConfig.InsecureSkipVerify {
					t.Errorf("%s: falls back to an unverified connection", url)
				}
			}
		}
	}
	pc, err := (&Config{URL: "postgres://u@localhost/x", Slot: "tailrace_orders"}).parse()
	if err != nil || pc.ConnectTimeout != 10*time.Second || pc.RuntimeParams["application_name"] != "tailrace/orders" {
		t.Errorf("%v, timeout %s, name %q", err, pc.ConnectTimeout, pc.RuntimeParams["application_name"])
	}
}
