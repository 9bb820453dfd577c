package verify

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// Source is implemented by the settings of a source whose tables can be read in addition to the stream. Adapters implement it
// without importing this package.
type Source interface {
	// Read opens a connection for queries without a time limit, which prints values as the stream does, and returns the name of
	// the publication that the stream carries. The caller closes the connection.
	Read(ctx context.Context, pipeline string) (conn *pgconn.PgConn, publication string, err error)
	// Describe calls use with a published table, whose shape cannot change meanwhile.
	Describe(ctx context.Context, pipeline, schema, table string, use func(*capture.Table) error) error
}

// Replica is implemented by the settings of a sink whose target consists of tables.
type Replica interface {
	// Read opens a connection for queries and repairs without a time limit, which prints values as the source does. The
	// caller closes it.
	Read(ctx context.Context, pipeline, name string) (*pgconn.PgConn, error)
	// Lands returns the schema and name of the target of a source table.
	Lands(schema, table string) (string, string)
	// Recorded returns the OID of the source table that the replica recorded last under a name, such as public.orders; 0: none.
	Recorded(ctx context.Context, conn *pgconn.PgConn, pipeline, name, table string) (oid uint32, err error)
	// Misfits returns the columns of a source table that the replica stores in a type that is neither the source's nor one that it may
	// have instead. types has, by column, the types of the source (a domain is followed by the types under it), and last the replica's.
	Misfits(ctx context.Context, conn *pgconn.PgConn, pipeline, name, schema, table string, types map[string][]string) ([]string, error)
	// Make creates a table or columns that the replica lacks, and returns the executed statements. A *capture.Problem describes
	// what prevents it.
	Make(ctx context.Context, conn *pgconn.PgConn, pipeline, name string, t *capture.Table) (did []string, err error)
	// Keeps reports whether the replica keeps rows that the source deletes.
	Keeps() bool
	// Durable reads the durable position of the replica; zero when it has no record.
	Durable(ctx context.Context, conn *pgconn.PgConn, pipeline, name string) (capture.Position, error)
}
