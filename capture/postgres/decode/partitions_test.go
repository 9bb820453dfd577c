package decode

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// filledTrees records the partitions that had rows.
type filledTrees struct{ filled []string }

func (*filledTrees) Described(uint32)         {}
func (*filledTrees) Truncated(uint32, uint32) {}
func (*filledTrees) ReadTo(capture.LSN)       {}
func (f *filledTrees) Filled(root, oid uint32, name string) {
	f.filled = append(f.filled, fmt.Sprint(root, " ", oid, " ", name))
}

// A table that was described right before a row of another one is a partition of that one.
func TestFilledPartitions(t *testing.T) {
	for name, c := range map[string]struct {
		fresh []freshTable
		row   bool // in the same transaction; otherwise in the next one
		want  int
	}{
		"a root and its partition":      {[]freshTable{{relationID, "public.t"}, {7, "public.t1"}}, true, 1},
		"a partition of a known root":   {[]freshTable{{7, "public.t1"}}, true, 1},
		"a table":                       {[]freshTable{{relationID, "public.t"}}, true, 0},
		"a table whose row was skipped": {[]freshTable{{7, "public.other"}}, false, 0},
	} {
		a, trees := newAssembler(), &filledTrees{}
		a.options.Trees = trees
		a.must(t, beginMessage(100, 7))
		a.fresh = append(a.fresh, c.fresh...)
		if !c.row {
			a.must(t, commitMessage(100, 120), beginMessage(200, 8))
		}
		a.must(t, insertMessage("1", "a"), insertMessage("2", "b"))
		if len(trees.filled) != c.want || c.want > 0 && trees.filled[0] != fmt.Sprint(relationID, " 7 public.t1") {
			t.Errorf("%s: %q", name, trees.filled)
		}
	}
}
