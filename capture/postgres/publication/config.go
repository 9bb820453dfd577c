package publication

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Config is what the file says about a publication, and about the tables in it.
type Config struct {
	Name   string // at most 63 bytes
	Manage bool   // create the publication and keep it equal to this Config; false: an administrator manages it
	Slot   string // that streams it

	// Tables and Except are exact names, "schema.table", the schema up to the first dot; * stands for any run of characters
	// within either part. A table block adds its table.
	Tables  []string
	Except  []string
	Options []TableOption

	// Tracks reports whether the daemon has to tell new columns of a table from others, see Baseline; nil: of no table.
	Tracks func(schema, name string) bool

	CopiesRows bool // a snapshot reads the tables
	Failover   bool // the slot is to be a failover slot
}

// TableOption is a table block.
type TableOption struct {
	Name    string   // exact, no wildcard
	Key     []string // the key's columns; empty: the primary key
	Columns []string // those that are delivered; empty: all
	Where   string   // of the publication's row filter; "": none
	// Daemon is set when the publication has no column list and no row filter: the daemon drops the other columns and, with Filters,
	// the rows of which a condition is false.
	Daemon, Filters bool
	NewColumns      string // "publish", "drop", "halt"; "": the default
}

// Control lends the control connection for the duration of one call, exclusively.
type Control func(ctx context.Context, use func(*pgx.Conn) error) error

// option returns the table block of a table, or nil.
func (c *Config) option(name string) *TableOption {
	for i := range c.Options {
		if c.Options[i].Name == name {
			return &c.Options[i]
		}
	}
	return nil
}

// patterns returns the patterns by which the file selects tables.
func (c *Config) patterns() (ps []Pattern) {
	texts := slices.Clone(c.Tables)
	for _, o := range c.Options {
		texts = append(texts, o.Name)
	}
	for _, text := range texts {
		if p, err := ParsePattern(text); err == nil { // CheckSettings has reported the others
			ps = append(ps, p)
		}
	}
	return ps
}

// names reports whether the file refers to a table of a publication that tailrace does not manage.
func (c *Config) names(m Member) bool {
	return slices.ContainsFunc(c.patterns(), func(p Pattern) bool { return p.Match(m.Schema, m.Name) })
}

// Selects reports whether the file of a managed publication selects a table of this name.
func (c *Config) Selects(schema, name string) bool {
	if c.option(schema+"."+name) != nil {
		return true
	}
	excepted := c.excepted(&candidate{Schema: schema, Name: name})
	return slices.ContainsFunc(c.Tables, func(text string) bool {
		p, err := ParsePattern(text)
		return err == nil && p.Match(schema, name) && (p.Exact() || !excepted)
	})
}
