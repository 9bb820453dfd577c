package target

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// A fix creates types, then alters labels and attributes, then adds columns, whatever was noticed first.
func TestFixIsInOrder(t *testing.T) {
	c := &changes{table: &capture.Table{Schema: "s", Name: "t"}, target: `"s"."t"`}
	c.addManual("a key", "ADD KEY")
	c.add("a column", "ADD COLUMN")
	c.apart("a label", "ADD VALUE")
	(&types{changes: c}).alterByHand("another label", "RENAME VALUE")
	c.do("CREATE TYPE")
	c.moves = []step{{sql: "RENAME COLUMN", reason: "a name"}}
	fix := strings.ReplaceAll(c.problem(false).Fix, ";\n", ", ")
	if want := "RENAME COLUMN, CREATE TYPE, ADD VALUE, RENAME VALUE, ADD COLUMN, ADD KEY;"; fix != want {
		t.Errorf("have %s, want %s", fix, want)
	}
}
