package pgconnect

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// session is what makes a server print, and read, the same text for the same value (I5) whatever the role, the database and
// the server say, and what keeps other people's functions and policies out of our queries. The walsender's output
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
	"xmloption":                           "content", // also reads what is a document
	"lc_monetary":                         "C",
	"quote_all_identifiers":               "off",
	"default_transaction_isolation":       "read committed",
	"default_transaction_read_only":       "off",
	"default_transaction_deferrable":      "off",
	"idle_in_transaction_session_timeout": "0",
}

// Unlimited takes away the limits that only newer servers know, so that they cannot stand in the startup message.
func Unlimited(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, `SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
		WHERE name IN ('idle_session_timeout', 'transaction_timeout')`).ReadAll()
	return err
}
