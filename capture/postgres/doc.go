// Package postgres reads a Postgres database's changes: it looks at the server before anything is touched (preflight),
// keeps the publication equal to the file, owns the slot, and streams what the slot decodes.
package postgres
