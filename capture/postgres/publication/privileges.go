package publication

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

// publicationUsable rejects a publication that cannot be made to match the file.
func (c *Config) publicationUsable(p *Plan) *capture.Problem {
	switch {
	case p.actual == nil && p.Slot != nil && p.Slot.Confirmed > 0:
		return c.Missing(nil)
	case p.actual != nil && p.actual.All:
		return problem.Refusal("publication_all_tables", fmt.Sprintf(
			"publication %s exists and is FOR ALL TABLES, which cannot be made equal to tables", c.Name),
			"-- set manage = false, or another publication; or, if it is unused:\nDROP PUBLICATION "+
				pgconnect.Ident(c.Name)+";")
	}
	return nil
}

// checkRights checks, when a change is needed, that our role may make it. A filter always needs one: only publishing it
// shows its normalized form.
func (c *Config) checkRights(s *server, p *Plan) *capture.Problem {
	steps, _ := c.steps(p)
	if len(steps) == 0 || s.Super {
		return nil
	}
	var lacks, fix, owners []string
	filters := slices.ContainsFunc(p.targets, func(t *target) bool { return t.where != "" })
	if (p.actual == nil || filters) && !s.Create {
		lacks = append(lacks, "CREATE on database "+s.Database)
		fix = append(fix, "GRANT CREATE ON DATABASE "+pgconnect.Ident(s.Database)+" TO "+pgconnect.Ident(s.Role)+";")
	}
	if p.actual != nil && !p.actual.owned {
		lacks = append(lacks, "ownership of publication "+c.Name)
		fix = append(fix, "ALTER PUBLICATION "+pgconnect.Ident(c.Name)+" OWNER TO "+pgconnect.Ident(s.Role)+";")
	}
	for _, t := range p.added() {
		if !t.Owned {
			lacks = append(lacks, "ownership of "+t.String())
			owners = append(owners, "GRANT "+pgconnect.Ident(t.Owner)+" TO "+pgconnect.Ident(s.Role)+";")
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	slices.Sort(owners)
	fix = append(fix, slices.Compact(owners)...)
	if !filters {
		fix = append(fix, "-- or let an administrator run this instead, now and after each change of the file:")
		for _, step := range steps {
			fix = append(fix, "-- "+step+";")
		}
	}
	return problem.Refusal("publication_denied", fmt.Sprintf("role %s may not make publication %s match the file: it lacks %s",
		s.Role, c.Name, strings.Join(lacks, ", ")), strings.Join(fix, "\n"))
}

// added returns the targets that the publication will add, or add again.
func (p *Plan) added() []*target {
	if p.actual == nil {
		return p.targets
	}
	add, _ := p.difference(&Published{})
	return add
}

// checkReadable checks that the snapshot can read the whole table, and that no policy filters its rows.
func (c *Config) checkReadable(ctx context.Context, conn *pgx.Conn, s *server, t *target) error {
	if !c.CopiesRows {
		return nil
	}
	if t.RowSecurity && !s.BypassRLS {
		return problem.Refusal("row_security", fmt.Sprintf("row-level security hides rows of %s from role %s: the snapshot would fail",
			t, s.Role), "ALTER ROLE "+pgconnect.Ident(s.Role)+" BYPASSRLS;")
	}
	if t.Readable {
		return nil
	}
	if t.columns != nil && !t.filtered { // a filter may read others
		var all bool
		err := conn.QueryRow(ctx, `SELECT has_schema_privilege(relnamespace, 'USAGE') AND (SELECT
			bool_and(has_column_privilege($1::oid, n, 'SELECT')) FROM unnest($2::text[]) n) FROM pg_class WHERE oid = $1`,
			t.OID, t.columns).Scan(&all)
		if err != nil {
			return problem.Named("read privileges on "+t.String(), err)
		}
		if all {
			return nil
		}
	}
	return problem.Refusal("select_denied", fmt.Sprintf("role %s may not SELECT from %s, and the snapshot has to", s.Role, t),
		fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s;\nGRANT SELECT ON %s TO %s;\n-- or snapshot { mode = \"never\" }",
			pgconnect.Ident(t.Schema), pgconnect.Ident(s.Role), t.sql(), pgconnect.Ident(s.Role)))
}
