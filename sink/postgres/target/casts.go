package target

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// cast is how the values of a target column become those of another type.
type cast struct {
	using string // the expression; "": none converts all values that are there
	tried bool   // the target has converted all values that are there
}

// caughtUp is when rows can be compared.
const caughtUp = "then, when the pipeline is streaming and has caught up"

// tryCasts finds for each column that needs another type an expression that converts all of its values, as far as the target can
// tell within two seconds per column. It runs none that alters anything.
func (d *drift) tryCasts(ctx context.Context, conn *pgconn.PgConn) error {
	d.casts = map[int16]cast{}
	if len(d.unsureNames()) > 0 {
		return nil // compare stops at them
	}
	for i := range d.table.Columns {
		c := &d.table.Columns[i]
		f, want := d.column(c), d.types.sql(c.Type, c.Modifier)
		if f == nil || f.Generated || f.Full == want || keeps(f.Full, want) || d.stores(c, f, want) && !d.retyped(c, f, want) {
			continue
		}
		d.types.use(c.Type)
		how, err := d.tryCast(ctx, conn, f, want)
		if err != nil {
			return err
		}
		d.casts[f.Number] = how
	}
	return nil
}

func (d *drift) tryCast(ctx context.Context, conn *pgconn.PgConn, f *foundColumn, want string) (cast, error) {
	for _, using := range []string{quote(f.Name) + "::" + want, quote(f.Name) + "::pg_catalog.text::" + want} {
		err := d.evaluate(ctx, conn, using)
		switch sqlstate(err) {
		case "":
			return cast{using, true}, err
		case pgconnect.QueryCanceled:
			return cast{using, false}, ctx.Err()
		}
	}
	return cast{}, nil
}

// evaluate computes an expression for all rows, after the steps that create its type, and rolls back to a savepoint.
func (d *drift) evaluate(ctx context.Context, conn *pgconn.PgConn, expression string) error {
	for _, sql := range []string{"SAVEPOINT tailrace_attempt", "SET LOCAL statement_timeout = '2s'"} {
		if err := exec(ctx, conn, sql); err != nil {
			return fmt.Errorf("try a cast in %s: %w", d.target, err)
		}
	}
	var err error
	for i := 0; i < len(d.steps) && err == nil; i++ {
		if !d.steps[i].optional {
			err = exec(ctx, conn, d.steps[i].sql)
		}
	}
	if err == nil {
		err = exec(ctx, conn, "SELECT pg_catalog.count("+expression+") FROM "+d.target)
	}
	if back := exec(ctx, conn, "ROLLBACK TO SAVEPOINT tailrace_attempt"); back != nil {
		return fmt.Errorf("try a cast in %s: %w", d.target, back)
	}
	return err
}

// convert returns the SQL that gives a target column the type of the source's, and ends where older rows get the source's values.
// Where no expression converts all values, they become NULL until verify copies them; in a key the rows go, as no change could find
// them.
func (d *drift) convert(c *capture.Column, f *foundColumn, want, end string) string {
	how, known := d.casts[f.Number]
	alter := d.retype(c, f, want)
	if f.PlainDefault && known { // it may have no cast; rows come with all values
		alter = "ALTER TABLE " + d.target + " ALTER COLUMN " + quote(f.Name) + " DROP DEFAULT;\n" + alter
	}
	switch {
	case !known: // the text of every value stays
		return d.withViews(f, alter+";") + d.whereAltered(c, want)
	case how.using != "":
		if !how.tried {
			end = "; -- or USING NULL, where the server refuses that"
		}
		return d.withViews(f, alter+" USING "+how.using+end) + d.copied(", where older rows have other values")
	case d.inPrimary(f.Name) || c.Key:
		return "TRUNCATE " + d.target + "; -- no change could find its rows any more\n" +
			d.withViews(f, alter+" USING NULL::"+want+";") + d.copied("")
	}
	if f.Required {
		alter = "ALTER TABLE " + d.target + " ALTER COLUMN " + quote(f.Name) + " DROP NOT NULL;\n" + alter
	}
	return d.withViews(f, alter+" USING NULL::"+want+"; -- no cast converts all of its values") + d.copied("")
}

// copied returns the SQL comment that tells how older rows get the values that the source's ALTER TABLE produced.
func (d *drift) copied(where string) string {
	return "\n" + strings.TrimSpace(d.verify(caughtUp+where))
}

// whereAltered returns the comment for a column whose type the source has altered, "" if it has not.
func (d *drift) whereAltered(c *capture.Column, want string) string {
	if was := d.before.source(c); was == nil || was.Type == want {
		return ""
	}
	return d.copied(", where USING made other values")
}
