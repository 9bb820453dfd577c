package ddl

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// publishedQuery lists the published tables of a database. A stage has the only publication.
const publishedQuery = `
SELECT c.oid, t.schemaname, t.tablename
FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = t.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
ORDER BY 2, 3`

// publishedTable is a table that the source publishes.
type publishedTable struct {
	OID          uint32
	Schema, Name string
}

func readPublished(ctx context.Context, source *pgx.Conn) (all []publishedTable, err error) {
	rows, err := source.Query(ctx, publishedQuery)
	if err == nil {
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[publishedTable])
	}
	if err != nil {
		return nil, fmt.Errorf("list the published tables: %w", err)
	}
	return all, nil
}

// rememberCopied records which tables the first copy has.
func (s *Stage) rememberCopied(ctx context.Context) error {
	all, err := readPublished(ctx, s.source)
	s.copied = map[uint32]bool{}
	for _, t := range all {
		s.copied[t.OID] = true
	}
	return err
}

// createEmpty lets verify create the tables that joined the publication without a row and that the replica lacks: otherwise it gets
// them at their first row, without a state until then. Tables of the first copy were created with it.
func (w *settling) createEmpty(ctx context.Context) error {
	all, err := readPublished(ctx, w.source)
	if err != nil {
		return err
	}
	for _, t := range all {
		if w.copied[t.OID] {
			continue
		}
		name := pgx.Identifier{t.Schema, t.Name}.Sanitize()
		var filled, exists bool
		if err := w.source.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+name+")").Scan(&filled); err != nil {
			return fmt.Errorf("read %s of the source: %w", name, err)
		}
		if err := w.target.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&exists); err != nil {
			return fmt.Errorf("look for %s in the target: %w", name, err)
		}
		if filled || exists {
			continue
		}
		command := fmt.Sprintf("tailrace verify -repair -table %s.%s %s", t.Schema, t.Name, w.file(w.which))
		if err := w.step(ctx, Step{Command: command, Later: true}, State{}); err != nil {
			return err
		}
	}
	return nil
}
