package verify

import (
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestReduce(t *testing.T) {
	tables := []Table{
		{OID: 1, Columns: []string{"id", "secret", "v", "double"}, Key: []string{"id"}},
		{OID: 2, Columns: []string{"a", "b"}, Key: []string{"b"}},
		{OID: 3, Columns: []string{"x"}},
	}
	Reduce(tables, []*capture.Table{
		{OID: 2, Columns: []capture.Column{{Name: "a"}}},
		{OID: 1, Columns: []capture.Column{{Name: "id"}, {Name: "v"}}, Computed: []capture.Column{{Name: "double"}}},
	})
	if !slices.Equal(tables[0].Columns, []string{"id", "v", "double"}) || len(tables[0].Key) != 1 || !slices.Equal(tables[1].Columns, []string{"a"}) ||
		tables[1].Key != nil || len(tables[2].Columns) != 1 {
		t.Errorf("reduced to %+v", tables)
	}
}
