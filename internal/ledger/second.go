package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// secondSlot is the name of the reference's slot and publication.
const secondSlot = "ledger_reference"

// CreateReference creates the second slot and its publication. It must be called before the daemon creates its own.
func CreateReference(ctx context.Context, conn *pgx.Conn) error {
	sql := fmt.Sprintf("create publication %s for table %s", secondSlot, strings.Join(workload.Tables(), ", "))
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("create reference publication: %w", err)
	}
	if _, err := conn.Exec(ctx, "select pg_create_logical_replication_slot($1, 'pgoutput')", secondSlot); err != nil {
		return fmt.Errorf("create reference slot: %w", err)
	}
	return nil
}

// ReadReference reads the second slot to its end, through SQL: what Postgres itself decodes, in the order of commits.
// It can be read once. Values are compared in UTC: the session's time zone is set.
func ReadReference(ctx context.Context, conn *pgx.Conn) ([]Change, error) {
	if _, err := conn.Exec(ctx, "set timezone = 'UTC'"); err != nil {
		return nil, fmt.Errorf("read reference slot: %w", err)
	}
	var d Decoder
	for {
		n, err := some(ctx, conn, &d)
		if err != nil {
			return nil, fmt.Errorf("read reference slot: %w", err)
		}
		if n == 0 {
			return d.Changes, nil
		}
	}
}

// some reads whole transactions of some thousand messages, and returns the number of messages.
func some(ctx context.Context, conn *pgx.Conn, d *Decoder) (n int, err error) {
	rows, err := conn.Query(ctx, `select data from pg_logical_slot_get_binary_changes($1, null, 20000,
		'proto_version', '1', 'publication_names', $2)`, secondSlot, secondSlot)
	if err != nil {
		return 0, err
	}
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&data}, func() error {
		n++
		return d.Take(data)
	})
	return n, err
}
