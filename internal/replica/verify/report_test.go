package verify_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/replica/verify"
)

// A table that could not be compared is named, and counts as wrong.
func TestReportOfNotCompared(t *testing.T) {
	table := verify.Table{Source: verify.Name{Schema: "public", Table: "t"}}
	for _, c := range []struct {
		name   string
		json   bool
		result verify.Result
		want   string
		wrong  int
	}{
		{"compared", false, verify.Result{Rows: 2}, "public.t: 2 rows compared, the same\n", 0},
		{"not compared", false, verify.Result{NotCompared: true}, "public.t: not compared: it has no key, and was written to during every attempt\n", 1},
		{"not compared, for a program", true, verify.Result{NotCompared: true}, `"compared":false`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			r := verify.Report{Out: &out, JSON: c.json}
			r.Table(table, c.result)
			if !strings.Contains(out.String(), c.want) || r.Wrong != c.wrong {
				t.Errorf("%d wrong, %q; want %d, %q", r.Wrong, out.String(), c.wrong, c.want)
			}
		})
	}
}
