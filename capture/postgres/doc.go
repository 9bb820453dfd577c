// Package postgres reads the changes of a Postgres database: it checks the server before it changes anything (preflight),
// keeps the publication equal to the file, owns the slot, and streams what the slot decodes.
package postgres
