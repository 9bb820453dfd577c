package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

const (
	connectTimeout = 10 * time.Second
	queryTimeout   = "30s" // of a statement on the control connection
	lockTimeout    = "10s" // a publication waits for VACUUM or CREATE INDEX on its table; it blocks nobody meanwhile
)

// session is what makes a server print the same text for the same value (I5) whatever the role, the database and the
// server say, and what keeps other people's functions and policies out of our queries. The walsender's output
// functions obey it too.
var session = map[string]string{
	"search_path":                         "",
	"row_security":                        "off",
	"client_encoding":                     "UTF8",
	"client_min_messages":                 "notice", // a warning is how 18 says that the publication is missing
	"DateStyle":                           "ISO, MDY",
	"IntervalStyle":                       "postgres",
	"TimeZone":                            "UTC",
	"extra_float_digits":                  "3",
	"bytea_output":                        "hex",
	"xmlbinary":                           "base64",
	"quote_all_identifiers":               "off",
	"default_transaction_isolation":       "read committed",
	"default_transaction_read_only":       "off",
	"idle_in_transaction_session_timeout": "0",
}

// control opens a connection for queries and DDL. Statements end after 30 s and wait 10 s for a lock; set these to 0
// for a copy. The error is a *capture.Problem where it has a name, and never holds a secret.
func (c *Config) control(ctx context.Context) (*pgx.Conn, error) {
	pc, err := c.parse()
	if err != nil {
		return nil, err
	}
	pc.RuntimeParams["statement_timeout"] = queryTimeout
	pc.RuntimeParams["lock_timeout"] = lockTimeout
	pc.RuntimeParams["jit"] = "off"
	// pgx.ParseConfig alone makes a usable ConnConfig; what the URL says is in pc.
	cc, err := pgx.ParseConfig("")
	if err != nil {
		return nil, c.unreadable(err)
	}
	cc.Config = *pc
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, c.connectError(ctx, err)
	}
	if err := unlimited(ctx, conn.PgConn()); err != nil {
		_ = conn.Close(ctx)
		return nil, c.named("prepare connection", err)
	}
	return conn, nil
}

// replication opens a connection to a walsender of the database. Nothing on it has a time limit: creating a slot waits
// for every running transaction.
func (c *Config) replication(ctx context.Context) (*pgconn.PgConn, error) {
	pc, err := c.parse()
	if err != nil {
		return nil, err
	}
	pc.RuntimeParams["replication"] = "database"
	pc.RuntimeParams["statement_timeout"] = "0"
	pc.RuntimeParams["lock_timeout"] = "0"
	conn, err := pgconn.ConnectConfig(ctx, pc)
	if err != nil {
		return nil, c.connectError(ctx, err)
	}
	if err := unlimited(ctx, conn); err != nil {
		_ = conn.Close(ctx)
		return nil, c.named("prepare connection", err)
	}
	return conn, nil
}

// unlimited takes away the limits that only newer servers know, so that they cannot stand in the startup message.
func unlimited(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, `SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
		WHERE name IN ('idle_session_timeout', 'transaction_timeout')`).ReadAll()
	return err
}

// parse reads the URL and lays our settings over it.
func (c *Config) parse() (*pgconn.Config, error) {
	if err := checkURL(c.URL); err != nil {
		return nil, c.unreadable(err)
	}
	pc, err := pgconn.ParseConfig(c.URL)
	if err == nil && !saysTLS(c.URL) {
		pc, err = pgconn.ParseConfig(withTLS(c.URL, pc))
	}
	if err != nil {
		return nil, c.unreadable(readable(err))
	}
	if c.Password != nil {
		if pc.Password, err = c.Password(); err != nil {
			return nil, &capture.Problem{
				State: "password_unreadable", Halted: true, Usage: true,
				Reason: "the password cannot be read", Fix: "check the file or variable that password names", Err: err,
			}
		}
	}
	if pc.ConnectTimeout == 0 {
		pc.ConnectTimeout = connectTimeout
	}
	pc.DialFunc = dialSocket((&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}).DialContext)
	for k, v := range session {
		pc.RuntimeParams[k] = v
	}
	if pc.RuntimeParams["application_name"] == "" {
		pc.RuntimeParams["application_name"] = c.applicationName()
	}
	return pc, nil
}

// applicationName is how the server's views and log call us. Postgres cuts it at 63 bytes.
func (c *Config) applicationName() string {
	return "tailrace/" + strings.TrimPrefix(c.Slot, "tailrace_")
}

// checkURL refuses what the driver would read in a way that moves a piece of a password into the host or the path,
// and from there into error messages. Its error does not quote the URL.
func checkURL(s string) error {
	rest, ok := strings.CutPrefix(s, "postgres://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "postgresql://"); !ok {
			return errors.New("it does not begin with postgres://")
		}
	}
	_, rest, found := strings.Cut(rest, "@")
	if strings.Contains(rest, "@") {
		return errors.New("it has more than one @: write those inside the password as %40")
	}
	if found {
		rest = s[:len(s)-len(rest)-1]
		if _, user, _ := strings.Cut(rest, "://"); strings.ContainsAny(user, "/?") {
			return errors.New("there is a / or ? before the @: write those inside the password as %2F and %3F")
		}
	}
	return nil
}

// saysTLS says whether the user has decided about TLS: in the URL or by PGSSLMODE.
func saysTLS(s string) bool {
	_, query, _ := strings.Cut(s, "?")
	q, err := url.ParseQuery(query)
	return err != nil || q.Has("sslmode") || q.Has("ssl") || os.Getenv("PGSSLMODE") != ""
}

// withTLS is the default: nothing leaves the host unless the server's certificate and name are verified. On loopback
// plain text is tried first, because a walsender sends one TLS record a row.
func withTLS(s string, pc *pgconn.Config) string {
	mode := "allow"
	if !local(pc.Host) {
		mode = "verify-full"
	}
	for _, f := range pc.Fallbacks {
		if !local(f.Host) {
			mode = "verify-full"
		}
	}
	if strings.Contains(s, "?") {
		return s + "&sslmode=" + mode
	}
	return s + "?sslmode=" + mode
}

func local(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// unreadable is the problem of a URL that cannot be used. The URL is not in it.
func (c *Config) unreadable(err error) *capture.Problem {
	return &capture.Problem{
		State: "url_invalid", Halted: true, Usage: true, Reason: "the url of the source cannot be used",
		Fix: "write it as postgres://user@host:5432/database, special characters percent-encoded", Err: err,
	}
}

// readable keeps of a driver's parse error what cannot hold a piece of the URL's secrets: a file that cannot be read.
func readable(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return file
	}
	return errors.New("it is not a Postgres connection URL")
}

// connectError names why a connection failed. The driver's own wrapper is dropped: it repeats user and database for
// each address.
func (c *Config) connectError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var outer *pgconn.ConnectError
	if errors.As(err, &outer) {
		err = outer.Unwrap()
	}
	var unknown x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	if errors.As(err, &unknown) || errors.As(err, &verify) || errors.As(err, &host) {
		return &capture.Problem{
			State: "tls_unverified", Halted: true, Usage: true,
			Reason: "the server's certificate cannot be verified", Err: err,
			Fix: "name the authority: ?sslmode=verify-full&sslrootcert=/path/ca.crt; sslmode=require encrypts without verifying",
		}
	}
	if sqlstate(err) == "" && strings.Contains(err.Error(), "server refused TLS connection") {
		return &capture.Problem{
			State: "tls_refused", Halted: true, Usage: true,
			Reason: "the server does not speak TLS, and TLS is the default for a server on another host", Err: err,
			Fix: "turn ssl on in the server; or accept plain text: add ?sslmode=disable to url",
		}
	}
	if sqlstate(err) == "" {
		return &capture.Problem{State: "source_unreachable", Reason: "the server cannot be reached", Err: err}
	}
	return c.named("connect", err)
}
