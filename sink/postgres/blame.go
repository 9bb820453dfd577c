package postgres

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/postgres/dml"
)

// findBlame finds the changes to blame for a violation at the end of the open transaction, after all its changes are written.
func (a *applier) findBlame(ctx context.Context, why *pgconn.PgError, changes []*capture.Change) (found []*conflict, err error) {
	k, err := dml.ReadConstraint(ctx, a.db, why.SchemaName, why.TableName, why.ConstraintName)
	if err != nil || k == nil {
		return nil, named("look for constraint "+why.ConstraintName, err)
	}
	first := map[string]bool{}
	for _, c := range changes {
		q := k.Question(a.plans[c.Table], c)
		if q == nil {
			continue
		}
		answer, err := a.db.Query(ctx, q.SQL, q.Params...)
		if err != nil {
			return nil, named("look for the rows of constraint "+why.ConstraintName, err)
		}
		if string(answer[0][0]) != "t" {
			continue
		}
		blamed := &conflict{plan: a.plans[c.Table], change: c, err: why}
		if k.Kind != "f" {
			// Once the conflicting rows are deleted, later changes only meet rows of the source.
			values := string(bytes.Join(q.Params[:len(q.Columns)], []byte{0}))
			if a.options.OnConflict == SourceWins && first[values] {
				continue
			}
			first[values], blamed.unique = true, q.Columns
		}
		found = append(found, blamed)
	}
	if a.options.OnConflict == SourceWins && k.Kind == "f" && len(found) > 0 {
		return nil, found[0] // no row can be deleted to resolve it
	}
	return found, nil
}
