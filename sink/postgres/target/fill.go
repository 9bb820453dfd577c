package target

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// lacks adds columns that the target lacks, with what the source gave to the rows that were there: no change tells it.
func (d *drift) lacks(ctx context.Context, conn *pgconn.PgConn, missing []*capture.Column) error {
	var filled struct{ Rows bool }
	err := ask(ctx, conn, &filled, "SELECT pg_catalog.json_build_object('Rows', EXISTS (SELECT FROM "+d.target+"))")
	if err != nil {
		return fmt.Errorf("look for rows in %s: %w", d.target, err)
	}
	for _, c := range missing {
		d.types.use(c.Type)
		lost := d.before != nil && d.before.byName(c.Name) != nil && d.before.byName(c.Name).Number == c.Number
		switch {
		case !filled.Rows:
			d.add("column "+c.Name+" is missing", d.plain(c)+notNull(!c.Nullable))
		case lost:
			d.person("column "+c.Name+" is missing: it was there and somebody has dropped it",
				d.plain(c)+"; -- then fill it: tailrace verify -repair -table "+d.table.String())
		case c.Fill == capture.FillUnknown:
			d.state = "backfill_unknown"
			d.person("column "+c.Name+" is missing, and what the source gave to older rows is in no change: its default is "+
				"another one for each row, or came later", d.plain(c)+";"+d.unknown(c))
		default:
			d.add("column "+c.Name+" is missing", d.added(c))
			if c.Fill == capture.FillStored {
				d.add("column "+c.Name+" is sent", "ALTER TABLE "+d.target+" ALTER COLUMN "+quote(c.Name)+" DROP EXPRESSION")
			}
		}
	}
	return nil
}

func (d *drift) plain(c *capture.Column) string {
	return "ALTER TABLE " + d.target + " ADD COLUMN " + d.definition(c)
}

// added is the SQL that adds a column and fills it as the source did. The value stays as the column's default: a row of
// an older shape gets it, too.
func (d *drift) added(c *capture.Column) string {
	sql := d.plain(c)
	switch c.Fill {
	case capture.FillValue:
		return sql + " DEFAULT " + literal(c.Filled) + "::" + d.types.sql(c.Type, c.Modifier) + notNull(!c.Nullable)
	case capture.FillStored:
		return sql + " GENERATED ALWAYS AS (" + c.Filled + ") STORED" + notNull(!c.Nullable)
	}
	return sql
}

// unknown says how a column comes to values that are in no change.
func (d *drift) unknown(c *capture.Column) string {
	if c.Fill != capture.FillUnknown {
		return ""
	}
	return " -- older rows have NULL; where the source has values: tailrace verify -repair -table " + d.table.String()
}
