// Package target knows the tables of a replica: which one takes a source table's rows, what it looks like, and how it is
// made, or altered when the source's shape changes. It knows nothing of changes and of progress.
package target

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// Relation is the target of one shape of a source table, as an applier needs it. It never changes.
type Relation struct {
	OID     uint32
	Schema  string
	Name    string
	Columns []Column // one for each column of the source's table, in that order
	Key     []int    // indexes into Columns: what finds a row; empty: only the whole row does
	Empty   bool     // it was created in this target transaction, so it holds no rows of anybody's
}

// Column takes the values of one column of the source.
type Column struct {
	Name      string
	Type      string // in SQL, qualified and quoted, without modifier: what a parameter is cast to
	Array     bool   // an array type, whose values cannot be elements of an array parameter
	Equal     bool   // the type has an "=" that a unique index could use, so equal text means equal values
	Generated bool   // GENERATED ALWAYS AS (...) in the target: it cannot be written
	Identity  bool   // GENERATED ALWAYS AS IDENTITY: an INSERT needs OVERRIDING SYSTEM VALUE, an UPDATE leaves it out
}

// Catalog finds and makes relations. One goroutine at a time, on one connection.
type Catalog struct {
	// Schema is where all tables land; "" keeps each in the schema of its source.
	Schema string
	// AddColumns lets Relation add what the source has and the target lacks. Else that is a *capture.Problem.
	AddColumns bool
}

// Relation returns the target of a source table's shape, within the transaction that is open on conn. What is absent is
// created there. An error that is a *capture.Problem says what a person has to do, with the SQL.
func (c *Catalog) Relation(ctx context.Context, conn *pgconn.PgConn, t *capture.Table) (*Relation, error) {
	return c.find(ctx, conn, t)
}
