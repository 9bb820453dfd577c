package publication

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/slot"
)

// Plan is the result of Preflight and the input of Apply.
type Plan struct {
	Major   int         // the server's major version
	Slot    *slot.State // nil: it has to be created
	actual  *definition
	targets []*target       // ordered by name; with manage = false the tables of the table blocks
	again   map[uint32]bool // OIDs of tables that get new rows in the publication although nothing else changes
}

// target is a table to publish.
type target struct {
	candidate
	attributes []attribute
	leaves     []leaf   // of a partitioned table
	growth     growth   // of a partitioned table
	columns    []string // those that are delivered, in the table's order; nil: all
	daemon     bool     // the publication has no column list: the daemon drops the other columns
	filtered   bool     // the daemon drops rows
	where      string   // the row filter of the publication, as written in the file
	normal     string   // as Postgres prints it
	key        []string // as written in the file; nil: the primary key
}

// leaf is a table that holds rows of a target: the table itself, or a partition.
type leaf struct {
	candidate
	attributes []attribute
}

// stored returns the tables that hold the target's rows: the application's UPDATE is checked against these.
func (t *target) stored() []leaf {
	if t.partitioned() {
		return t.leaves
	}
	return []leaf{{t.candidate, t.attributes}}
}

// listed returns the column list of the publication; nil: it has none.
func (t *target) listed() []string {
	if t.daemon {
		return nil
	}
	return t.columns
}

// member returns the target as the catalogue would show it.
func (t *target) member() Member {
	return Member{Schema: t.Schema, Name: t.Name, Columns: t.listed(), Where: t.normal, oid: t.OID}
}

// resolve expands the patterns against the catalogue. A partition whose tree is published is published under its root's
// name.
func (c *Config) resolve(ctx context.Context, conn *pgx.Conn) ([]*target, []error) {
	all, err := c.candidates(ctx, conn)
	if err != nil {
		return nil, []error{err}
	}
	chosen, errs := c.choose(all)
	var ts []*target
	var oids []uint32
	for i := range all {
		t := &all[i]
		if !chosen[t.OID] {
			continue
		}
		if root := slices.IndexFunc(t.Ancestors, func(a uint32) bool { return chosen[a] }); root >= 0 {
			if c.option(t.String()) != nil {
				errs = append(errs, c.partitionNamed(t))
			}
			continue
		}
		ts = append(ts, &target{candidate: *t})
		oids = append(oids, t.OID)
	}
	return ts, append(errs, c.describe(ctx, conn, ts, oids)...)
}

// describe adds the columns, the partitions and the settings of the table blocks.
func (c *Config) describe(ctx context.Context, conn *pgx.Conn, ts []*target, oids []uint32) []error {
	for _, t := range ts {
		if !t.partitioned() {
			continue
		}
		leaves, err := c.leaves(ctx, conn, t.OID)
		if err != nil {
			return []error{err}
		}
		for _, l := range leaves {
			t.leaves = append(t.leaves, leaf{candidate: l})
			oids = append(oids, l.OID)
		}
	}
	if err := c.growths(ctx, conn, ts); err != nil {
		return []error{err}
	}
	as, err := c.attributes(ctx, conn, oids)
	if err != nil {
		return []error{err}
	}
	for _, t := range ts {
		t.attributes = as[t.OID]
		for i := range t.leaves {
			t.leaves[i].attributes = as[t.leaves[i].OID]
		}
		if o := c.option(t.String()); o != nil {
			t.where, t.key, t.daemon, t.filtered = o.Where, o.Key, o.Daemon, o.Filters
			if len(o.Columns) > 0 {
				t.columns = names(t.attributes, func(a attribute) bool { return slices.Contains(o.Columns, a.Name) })
			}
		}
	}
	return nil
}

// choose selects the tables that the patterns name, and returns the problems of a pattern or of the tables that it names.
func (c *Config) choose(all []candidate) (map[uint32]bool, []error) {
	chosen := map[uint32]bool{}
	var errs []error
	texts := slices.Clone(c.Tables)
	for _, o := range c.Options {
		if !slices.Contains(texts, o.Name) {
			texts = append(texts, o.Name)
		}
	}
	for _, text := range texts {
		p, err := ParsePattern(text)
		if err != nil {
			errs = append(errs, &capture.Problem{
				State: "pattern_invalid", Halted: true, Usage: true,
				Reason: err.Error(), Fix: `write it as "schema.table"`,
			})
			continue
		}
		if p.Exact() {
			err = c.selectExact(p, all, chosen)
		} else {
			err = c.selectMatching(p, all, chosen)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return chosen, errs
}

// selectExact selects the one table that an exact name refers to.
func (c *Config) selectExact(p Pattern, all []candidate, chosen map[uint32]bool) error {
	var known []string
	for i := range all {
		t := &all[i]
		if t.Schema == p.schema && t.Name == p.name {
			if why := unpublishable(t); why != "" {
				return c.notPublishable(t, why)
			}
			chosen[t.OID] = true
			return nil
		}
		if unpublishable(t) == "" {
			known = append(known, t.String())
		}
	}
	return c.tableMissing(p.schema+"."+p.name, closest(p.schema+"."+p.name, known))
}

// selectMatching selects the tables that a wildcard matches and except does not; it skips what cannot be published.
func (c *Config) selectMatching(p Pattern, all []candidate, chosen map[uint32]bool) error {
	found := false
	for i := range all {
		t := &all[i]
		if p.Match(t.Schema, t.Name) && unpublishable(t) == "" && !c.excepted(t) {
			chosen[t.OID] = true
			found = true
		}
	}
	if !found {
		return c.nothingMatches(p.schema + "." + p.name)
	}
	return nil
}

func (c *Config) excepted(t *candidate) bool {
	return slices.ContainsFunc(c.Except, func(text string) bool {
		p, err := ParsePattern(text)
		return err == nil && p.Match(t.Schema, t.Name)
	})
}

// unpublishable returns why Postgres does not publish a relation; "" when it does.
func unpublishable(t *candidate) string {
	switch {
	case t.Kind == "v":
		return "it is a view"
	case t.Kind == "m":
		return "it is a materialized view"
	case t.Kind == "f":
		return "it is a foreign table"
	case t.Persistence == "u":
		return "it is unlogged: its changes are not in the WAL"
	case t.Persistence == "t":
		return "it is a temporary table"
	case !t.Publishable || t.Schema == "information_schema":
		return "it is a system table"
	}
	return ""
}
