package publication

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/internal/pgconnect"
)

func (c *Config) tableMissing(name, near string) *capture.Problem {
	p := problem.Refusal("table_missing", "table "+name+" does not exist", "names are exact: \"schema.table\", without quotes")
	if near != "" {
		p.Fix = "did you mean \"" + near + "\"?\n" + p.Fix
	}
	return p
}

func (c *Config) nothingMatches(text string) *capture.Problem {
	return problem.Refusal("pattern_matches_nothing", fmt.Sprintf("%q matches no table that can be published", text),
		"-- correct tables or except, or create the table")
}

func (c *Config) notPublishable(t *candidate, why string) *capture.Problem {
	p := problem.Refusal("table_not_publishable", fmt.Sprintf("%s cannot be published: %s", t, why), "-- leave it out of tables")
	if t.Persistence == "u" && t.Kind == "r" {
		p.Fix = "ALTER TABLE " + t.sql() + " SET LOGGED;\n-- or leave it out of tables"
	}
	return p
}

func (c *Config) partitionNamed(t *candidate) *capture.Problem {
	return problem.Refusal("partition_in_tree", fmt.Sprintf(
		"%s is a partition of a table that is published as a whole: its block would have no effect", t),
		"-- give the block the name of the partitioned table")
}

// checkForeign checks an unmanaged publication: it defines what is published, and must contain what the file refers to.
func (c *Config) checkForeign(ctx context.Context, conn *pgx.Conn, p *Plan) []error {
	if p.actual == nil {
		return []error{c.Missing(nil)}
	}
	ts, err := c.ReadTables(ctx, conn)
	if err != nil {
		return []error{err}
	}
	texts := c.Tables
	for _, o := range c.Options {
		texts = append(texts[:len(texts):len(texts)], o.Name)
	}
	var errs []error
	for _, text := range texts {
		pat, err := ParsePattern(text)
		found := err != nil // CheckSettings has reported it
		for _, t := range ts {
			found = found || pat.Match(t.Schema, t.Name)
		}
		if !found {
			errs = append(errs, problem.Refusal("table_not_published", fmt.Sprintf("publication %s does not publish %s", c.Name, text),
				fmt.Sprintf("ALTER PUBLICATION %s ADD TABLE ONLY %s;\n-- or set manage = true", pgconnect.Ident(c.Name),
					pgconnect.Ident(pat.schema, pat.name))))
		}
	}
	return append(errs, c.checkForeignKeys(ctx, conn, p, ts)...)
}

// Missing is the problem of a publication that does not exist although its slot may. err is the server's error; nil: there is
// none.
func (c *Config) Missing(err error) *capture.Problem {
	p := &capture.Problem{
		State: "publication_missing", Halted: true, Usage: true, Err: err,
		Reason: fmt.Sprintf("publication %s does not exist", c.Name),
	}
	if !c.Manage {
		p.Fix = fmt.Sprintf("create it, before the slot: CREATE PUBLICATION %s FOR TABLE ... ;\nor set manage = true",
			pgconnect.Ident(c.Name))
		return p
	}
	p.Reason += fmt.Sprintf(", but slot %s does: what was changed since it was dropped cannot be read any more", c.Slot)
	p.Fix = "`tailrace drop -pipeline P FILE`, then start again with a snapshot"
	return p
}
