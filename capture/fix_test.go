package capture

import (
	"errors"
	"fmt"
	"testing"
)

func TestFixArgs(t *testing.T) {
	const fix = "Drop it: `tailrace drop -pipeline P FILE`, then start P again;\nor `tailrace accept -pipeline P gap FILE`, see FILE"
	for _, c := range []struct {
		args      FixArgs
		fix, want string
	}{
		{FixArgs{}, fix, fix},
		{
			FixArgs{"shop", []string{"/etc/tailrace"}},
			fix,
			"Drop it: `tailrace drop -pipeline shop /etc/tailrace`, then start P again;\nor `tailrace accept -pipeline shop gap /etc/tailrace`, see FILE",
		},
		{FixArgs{"shop", nil}, "`tailrace drop -pipeline P FILE`", "`tailrace drop -pipeline shop FILE`"},
		{FixArgs{"", []string{"a.hcl", "b.hcl"}}, "`tailrace drop -pipeline P FILE`", "`tailrace drop -pipeline P a.hcl b.hcl`"},
		{FixArgs{"P", []string{"FILE"}}, "`tailrace drop -pipeline P FILE`", "`tailrace drop -pipeline P FILE`"},
		{FixArgs{"it's", []string{"my files/a.hcl"}}, "`tailrace drop -pipeline P FILE`", "`tailrace drop -pipeline 'it'\\''s' 'my files/a.hcl'`"},
		{
			FixArgs{"shop", []string{"a.hcl"}},
			"ALTER TABLE t ADD x int; -- then: tailrace verify -repair -table public.t FILE\nFILE",
			"ALTER TABLE t ADD x int; -- then: tailrace verify -repair -table public.t a.hcl\nFILE",
		},
		{FixArgs{"shop", []string{"a.hcl"}}, "CREATE PUBLICATION tailrace_shop FOR TABLE ... ;", "CREATE PUBLICATION tailrace_shop FOR TABLE ... ;"},
	} {
		if got := c.args.Complete(c.fix); got != c.want {
			t.Errorf("%+v:\n%s\nwant:\n%s", c.args, got, c.want)
		}
	}
}

func TestFixArgsOfAnError(t *testing.T) {
	seen := errors.New("seen")
	was := &Problem{State: "gap", Reason: "why", Fix: "`tailrace drop -pipeline P FILE`", Err: seen}
	err := FixArgs{"shop", []string{"a.hcl"}}.Error(fmt.Errorf("read: %w", was))
	if p := AsProblem(fmt.Errorf("run: %w", err)); p == nil || p.Fix != "`tailrace drop -pipeline shop a.hcl`" || p.State != "gap" {
		t.Errorf("%+v", p)
	}
	if was.Fix != "`tailrace drop -pipeline P FILE`" || !errors.Is(err, seen) || err.Error() != "read: gap: why: seen" {
		t.Errorf("%+v, %v", was, err)
	}
	if got := (FixArgs{}).Error(seen); got != seen { //nolint:errorlint // the very error, not a wrapped one
		t.Error(got)
	}
}
