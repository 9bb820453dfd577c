package target

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture"
)

// facts are what the target's catalog and tailrace.tables contain about several source tables. They are read in one round trip,
// regardless of the number of tables.
type facts struct {
	entries    []entry
	typeNotes  []typeEntry
	found      map[place]*found
	schemas    map[string]bool
	types      map[sought]*foundType
	collations map[string]bool
	stale      bool // tailrace.tables was modified after this was read
}

// read reads the facts about tables.
func (c *Catalog) read(ctx context.Context, conn *pgconn.PgConn, tables []*capture.Table) (*facts, error) {
	places, oids := []place{}, []uint32{}
	types, collations := map[sought]*foundType{}, map[string]bool{}
	var typed []sought // columns with a user's type
	for _, t := range tables {
		places = append(places, place{c.home(t), t.Name})
		if t.OID != 0 {
			oids = append(oids, t.OID)
		}
		for _, column := range t.Columns {
			if len(printed(column.Type, nil)) > 0 {
				typed = append(typed, asText(c.home(t), t.Name, column.Name))
			}
		}
		s := c.typesOf(t, nil)
		maps.Copy(types, s.there)
		maps.Copy(collations, s.orders)
	}
	f := &facts{found: map[place]*found{}, types: types, collations: collations}
	var relations []*found
	var found []foundType
	questions := []question{
		{"tailrace.tables", &f.entries, entriesQuery, []any{places, c.Pipeline, c.Sink, oids}},
		{"the tables", &relations, findQuery, []any{places}},
		{"schemas", &f.schemas, `SELECT pg_catalog.json_object_agg(n.nspname, true) FROM pg_catalog.pg_namespace n`, nil},
		{"tailrace.types", &f.typeNotes, typeEntriesQuery, []any{slices.AppendSeq(append([]sought{}, typed...), maps.Keys(types)), c.Pipeline, c.Sink}},
		{"types", &found, typesQuery, []any{slices.AppendSeq([]sought{}, maps.Keys(types))}},
	}
	if len(collations) > 0 {
		questions = append(questions, question{"collations", &f.collations, ordersQuery, []any{slices.Collect(maps.Keys(collations))}})
	}
	if err := askAll(ctx, conn, questions...); err != nil {
		return nil, fmt.Errorf("look into the target: %w", err)
	}
	for _, r := range relations {
		f.found[r.place] = r
	}
	for i := range found {
		f.types[found[i].Asked] = &found[i]
	}
	return f, nil
}

// registered returns the entries of tailrace.tables for a source table and for its target.
func (c *Catalog) registered(f *facts, t *capture.Table) registered {
	var r registered
	for i := range f.entries {
		switch e := &f.entries[i]; {
		case e.Schema == c.home(t) && e.Table == t.Name:
			r.here = e
		case e.Pipeline == c.Pipeline && e.Sink == c.Sink && e.OID == t.OID && t.OID != 0:
			r.other = e
		}
	}
	return r
}

// typesIn returns the names that the types and collations of a table have in the target.
func (c *Catalog) typesIn(f *facts, t *capture.Table, ch *changes) *types {
	s := c.typesOf(t, ch)
	s.known = f.typeNotes
	for w := range s.there {
		s.there[w] = f.types[w]
	}
	for name := range s.orders {
		s.orders[name] = f.collations[name]
	}
	return s
}
