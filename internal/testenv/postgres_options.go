package testenv

import (
	"fmt"
	"strings"
)

// PostgresOption changes how a server is set up.
type PostgresOption func(*PostgresServer)

// Version selects a major version other than Newest.
func Version(major int) PostgresOption { return func(s *PostgresServer) { s.Version = major } }

// Setting sets a parameter in postgresql.conf; the last value of a name applies. See also ALTER SYSTEM and Restart.
func Setting(name, value string) PostgresOption {
	return func(s *PostgresServer) {
		s.conf = append(s.conf, fmt.Sprintf("%s = '%s'", name, strings.ReplaceAll(value, "'", "''")))
	}
}

// Durable makes the server fsync. Without it a crash of the server loses nothing (the page cache outlives the process),
// only one of the machine does.
func Durable() PostgresOption { return Setting("fsync", "on") }

// HBA replaces pg_hba.conf's rules for TCP, which by default trust all clients. Exec, on the Unix socket, is always accepted.
func HBA(rules string) PostgresOption { return func(s *PostgresServer) { s.hba = rules } }

// TLS gives the server a certificate for 127.0.0.1 and localhost, signed by the authority in CAFile. Clients may use it;
// write HBA rules with hostssl to force them.
func TLS() PostgresOption { return func(s *PostgresServer) { s.tls = true } }

func defaultSettings() []string {
	return []string{
		"listen_addresses = '127.0.0.1'",
		"fsync = off",
		"max_replication_slots = 20",
		"max_wal_senders = 20",
		"synchronous_commit = on",
		"wal_level = logical",
	}
}
