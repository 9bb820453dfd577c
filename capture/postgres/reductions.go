package postgres

import (
	"context"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/capture/postgres/decode"
	"github.com/tailrace/tailrace/capture/postgres/problem"
	"github.com/tailrace/tailrace/capture/postgres/publication"
)

// rules returns the rules by which rows of tables are reduced here; nil: there are none. docs/decisions/0032 describes them.
func (c *Config) rules() decode.Rules {
	own := slices.ContainsFunc(c.Options, func(o TableOption) bool { return o.Daemon || o.NewColumns != "" })
	if !own && (c.Masked == nil || !c.Manage) {
		return nil
	}
	return func(schema, name string) *decode.Rule {
		rule := decode.Rule{New: c.newColumns(schema, name), Known: c.named(schema, name)}
		if o := c.option(schema, name); o != nil && len(o.Columns) > 0 {
			if rule.Columns = o.Columns; !o.Daemon { // the server leaves out the others
				rule = decode.Rule{New: decode.PublishNew}
			}
		}
		if f := c.Filters[schema+"."+name]; f != nil {
			rule.Filter = func() decode.RowFilter { return f.Rows() }
		}
		if rule.New == decode.PublishNew && rule.Filter == nil {
			return nil
		}
		return &rule
	}
}

// newColumns returns what becomes of the new columns of a table. Without a managed publication there is no record of which columns are
// new, so that a mask does not change the default.
func (c *Config) newColumns(schema, name string) decode.NewColumns {
	o := c.option(schema, name)
	switch {
	case o != nil && o.NewColumns == newHalt:
		return decode.HaltAtNew
	case o != nil && o.NewColumns == newPublish:
		return decode.PublishNew
	case o != nil && (o.NewColumns == newDrop || len(o.Columns) > 0):
		return decode.DropNew
	case c.Manage && c.Masked != nil && len(c.Masked(schema, name)) > 0:
		return decode.DropNew
	}
	return decode.PublishNew
}

// named returns columns of a table that the file names: those of its key and of masks.
func (c *Config) named(schema, name string) (names []string) {
	if o := c.option(schema, name); o != nil {
		names = append(names, o.Key...)
	}
	if c.Masked != nil {
		names = append(names, c.Masked(schema, name)...)
	}
	return names
}

// tracksNewColumns reports whether the columns that a table has now have to be recorded.
func (c *Config) tracksNewColumns(schema, name string) bool {
	rule := c.rules()(schema, name)
	return rule != nil && (rule.New == decode.HaltAtNew || rule.New == decode.DropNew && rule.Columns == nil)
}

func (c *Config) option(schema, name string) *TableOption {
	i := slices.IndexFunc(c.Options, func(o TableOption) bool { return o.Name == schema+"."+name })
	if i < 0 {
		return nil
	}
	return &c.Options[i]
}

// reduce sets the rules and the baselines of the publication.
func (c *Config) reduce(r *decode.Relations, recorded map[uint32]publication.Baseline) {
	baselines := map[uint32]decode.Baseline{}
	for oid, b := range recorded {
		baselines[oid] = decode.Baseline(b)
	}
	r.Reduce(c.rules(), baselines)
}

// SetMasked implements daemon.MaskAware.
func (s *Settings) SetMasked(masked func(schema, table string) (columns []string)) { s.masked = masked }

// Reduces reports whether the daemon leaves out columns or rows of tables, so that Tables has fewer columns than the publication.
func (s *Settings) Reduces(pipeline string) bool {
	c, err := s.Config(pipeline)
	return err == nil && c.rules() != nil
}

// Alters implements verify.Alterer: the daemon drops rows of a table.
func (s *Settings) Alters(schema, table string) bool {
	return slices.ContainsFunc(s.Options, func(t TableSettings) bool {
		return t.Name == schema+"."+table && t.Enforce == enforceDaemon && t.Where != nil
	})
}

// CheckRows implements daemon.RowChecker: it reports what of the conditions over rows does not fit the live tables.
func (s *Settings) CheckRows(ctx context.Context, pipeline string) (hcl.Diagnostics, error) {
	c, err := s.Config(pipeline)
	if err != nil || len(c.Filters) == 0 {
		return nil, err
	}
	var diags hcl.Diagnostics
	err = c.describeAll(ctx, func(t *decode.CopyTable) {
		if f := c.Filters[t.Schema+"."+t.Name]; f != nil {
			diags = append(diags, f.Check(t.Full)...)
		}
	})
	return diags, err
}

// describeAll calls use with each table that the publication has, or would have after a start, as a stream would describe it now.
func (c *Config) describeAll(ctx context.Context, use func(*decode.CopyTable)) error {
	conn, err := c.control(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn.Close)
	// One snapshot: a table must not change between the queries. It takes no lock on any table.
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return problem.Named("read tables", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	planned, err := c.publication().Planned(ctx, conn)
	if err != nil {
		return err
	}
	baselines, err := c.publication().ReadBaselines(ctx, conn)
	if err != nil {
		return err
	}
	lend := func(_ context.Context, use func(*pgx.Conn) error) error { return use(conn) }
	list := make([]decode.CopyTable, len(planned))
	for i, t := range planned {
		list[i] = decode.CopyTable{OID: t.OID, Schema: t.Schema, Name: t.Name, Columns: t.Columns}
	}
	r := decode.NewRelations(lend, c.keys(), "")
	c.reduce(r, baselines)
	if err := r.DescribeTables(ctx, conn, list); err != nil {
		return err
	}
	for i := range list {
		use(&list[i])
	}
	return nil
}
