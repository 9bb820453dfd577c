package pgconnect

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session contains the settings that make every server print and read the same text for the same value (I5), regardless of the
// settings of role, database and server, and that keep other functions and policies out of our queries. They also apply to the
// output functions in a walsender.
var session = map[string]string{
	"search_path":                         "",
	"row_security":                        "off",
	"client_encoding":                     "UTF8",
	"client_min_messages":                 "notice", // Postgres 18 reports a missing publication as a warning
	"DateStyle":                           "ISO, MDY",
	"IntervalStyle":                       "postgres",
	"TimeZone":                            "UTC",
	"extra_float_digits":                  "3",
	"bytea_output":                        "hex",
	"xmlbinary":                           "base64",
	"xmloption":                           "content", // accepts documents, too
	"lc_monetary":                         "C",
	"quote_all_identifiers":               "off",
	"default_transaction_isolation":       "read committed",
	"default_transaction_read_only":       "off",
	"default_transaction_deferrable":      "off",
	"idle_in_transaction_session_timeout": "0",
}

// Unlimited disables time limits that only newer servers know, and that the startup message therefore cannot contain.
func Unlimited(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, `SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
		WHERE name IN ('idle_session_timeout', 'transaction_timeout')`).ReadAll()
	return err
}

// Major returns the server's major version, such as 15.
func Major(conn *pgconn.PgConn) int {
	v := conn.ParameterStatus("server_version")
	i := 0
	for i < len(v) && '0' <= v[i] && v[i] <= '9' {
		i++
	}
	n, _ := strconv.Atoi(v[:i])
	return n
}

// Exec executes one statement without parameters by the extended protocol, which accepts only one.
func Exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Close()
	return err
}
