// Package pgconnect is how tailrace connects to a Postgres server, as a source and as a replica: what a URL may look
// like, when TLS is wanted, and the settings that make a server print and read one text for one value.
package pgconnect
