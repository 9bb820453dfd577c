package capturetest_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture/capturetest"
)

func rows(keys ...int) (rs []capturetest.Row) {
	for _, k := range keys {
		rs = append(rs, capturetest.Row{Key: k, Version: 1})
	}
	return rs
}

func TestJudge(t *testing.T) {
	committed := rows(0, 1, 2, 3)
	for name, c := range map[string]struct {
		seen        []capturetest.Row
		least, once bool // what is to pass
	}{
		"all":                      {rows(0, 1, 2, 3), true, true},
		"a tail again":             {rows(0, 1, 2, 1, 2, 3), true, false},
		"a tail twice again":       {rows(0, 1, 2, 1, 2, 1, 2, 3), true, false},
		"a repeat cut by another":  {rows(0, 1, 2, 0, 1, 0, 1, 2, 3), true, false},
		"the last again":           {rows(0, 1, 2, 3, 3), true, false},
		"dropped":                  {rows(0, 1, 3), false, false},
		"the first dropped":        {rows(1, 2, 3), false, false},
		"the last dropped":         {rows(0, 1, 2), false, false},
		"nothing":                  {nil, false, false},
		"swapped":                  {rows(0, 2, 1, 3), false, false},
		"a repeat with a hole":     {rows(0, 1, 2, 0, 2, 3), false, false},
		"a repeat that stops":      {rows(0, 1, 2, 3, 1, 2), false, false},
		"a repeat that jumps":      {rows(0, 1, 2, 0, 3), false, false},
		"never committed":          {rows(0, 1, 2, 3, 4), false, false},
		"altered":                  {append(rows(0, 1, 2), capturetest.Row{Key: 3, Version: 2}), false, false},
		"another version, in time": {append([]capturetest.Row{{Key: 0, Version: 2}}, rows(0, 1, 2, 3)...), false, false},
	} {
		if err := capturetest.Judge(committed, c.seen, capturetest.AtLeastOnce); (err == nil) != c.least {
			t.Errorf("%s, at least once: %v", name, err)
		}
		if err := capturetest.Judge(committed, c.seen, capturetest.ExactlyOnce); (err == nil) != c.once {
			t.Errorf("%s, exactly once: %v", name, err)
		}
	}
	if capturetest.Judge(rows(1, 1), rows(1), capturetest.AtLeastOnce) == nil {
		t.Error("rows that cannot be told apart are judged")
	}
}
