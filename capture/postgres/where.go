package postgres

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/rowfilter"
)

// ExplainWhere implements explain.RowFilter: it does to a change what the where of its table does in a pipeline with enforce = "daemon".
// has is false when the daemon evaluates none for the table.
func (s *Settings) ExplainWhere(pipeline string, c *capture.Change) (when rowfilter.Condition, passes, has bool, err error) {
	for i := range s.Options {
		t := &s.Options[i]
		if t.Name != c.Table.String() || t.Where == nil || t.Enforce != enforceDaemon {
			continue
		}
		f, diags := rowfilter.New(t.Name, t.Where)
		if f == nil {
			return when, false, true, unknownWhere(t.Name, diags)
		}
		when, passes, err = f.In(pipeline).Explain(c)
		return when, passes, true, err
	}
	return when, true, false, nil
}
