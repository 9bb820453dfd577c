// Package pgconnect connects to Postgres servers, as a source and as a replica. It checks URLs, chooses the TLS mode, and sets
// the parameters that make every server print and read the same text for the same value. It also quotes SQL and maps errors to
// problems.
package pgconnect
