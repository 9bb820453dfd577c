package verify

import (
	"context"
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// Reducer is a Source whose daemon leaves out columns that the publication carries.
type Reducer interface {
	// Reduces reports whether it does so in a pipeline.
	Reduces(pipeline string) bool
	// Tables returns the tables with the columns that are delivered.
	Tables(ctx context.Context, pipeline string) ([]*capture.Table, error)
}

// Reduce removes the columns that are not delivered from tables.
func Reduce(tables []Table, delivered []*capture.Table) {
	for i := range tables {
		t := &tables[i]
		n := slices.IndexFunc(delivered, func(d *capture.Table) bool { return d.OID == t.OID })
		if n < 0 {
			continue
		}
		t.Columns = slices.DeleteFunc(t.Columns, func(name string) bool { return !has(delivered[n], name) })
		if !subset(t.Key, t.Columns) {
			t.Key = nil
		}
	}
}

// has reports whether a replica gets a column of a table, or computes it.
func has(t *capture.Table, column string) bool {
	return t.Column(column) >= 0 || slices.ContainsFunc(t.Computed, func(c capture.Column) bool { return c.Name == column })
}
