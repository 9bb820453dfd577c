package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/replica/verify"
)

// A table that could not be compared is named, and counts in the exit code.
func TestReportOfNotCompared(t *testing.T) {
	table := verify.Table{Source: verify.Name{Schema: "public", Table: "t"}}
	for _, c := range []struct {
		name   string
		json   bool
		result verify.Result
		want   string
		code   int
	}{
		{"compared", false, verify.Result{Rows: 2}, "public.t: 2 rows compared, the same\n", 0},
		{"not compared", false, verify.Result{NotCompared: true}, "public.t: not compared: it has no key, and was written to during every attempt\n", failed},
		{"not compared, for a program", true, verify.Result{NotCompared: true}, `"compared":false`, failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs strings.Builder
			v := &verification{a: &app{out: &out, err: &errs}, json: c.json}
			v.report(table, c.result)
			var code exit
			errors.As(v.verdict(), &code)
			if !strings.Contains(out.String(), c.want) || int(code) != c.code {
				t.Errorf("exit code %d, %q; want %d, %q", code, out.String(), c.code, c.want)
			}
		})
	}
}
