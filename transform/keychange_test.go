package transform_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

var (
	varchar = &capture.Type{Name: "text"}
	orders  = &capture.Table{Schema: "public", Name: "orders", Key: []int{0, 1}, Columns: []capture.Column{
		{Name: "id", Type: varchar, Key: true}, {Name: "part", Type: varchar, Key: true}, {Name: "doc", Type: varchar},
	}}
	commit = &capture.Tx{LSN: 8, XID: 3}
)

// row returns values: text for a string, null for nil, and a value of the kind for a ValueKind.
func row(values ...any) []capture.Value {
	r := make([]capture.Value, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			r[i] = capture.Value{Kind: capture.Text, Bytes: []byte(v)}
		case capture.ValueKind:
			r[i].Kind = v
		}
	}
	return r
}

func update(before, after []capture.Value) *capture.Change {
	return &capture.Change{Tx: commit, Seq: 5, Op: capture.Update, Table: orders, Before: before, After: after}
}

func apply(t *testing.T, f transform.Func, e transform.Event) []transform.Event {
	t.Helper()
	before := *e.Change
	before.Before = append([]capture.Value(nil), before.Before...)
	before.After = append([]capture.Value(nil), before.After...)
	got, err := f([]transform.Event{{Type: "first"}}, e)
	if err != nil || len(got) < 1 || got[0].Type != "first" {
		t.Fatalf("%v, %d events", err, len(got))
	}
	if d := cmp.Diff(before.Before, e.Change.Before, emptyIsNil) + cmp.Diff(before.After, e.Change.After, emptyIsNil); d != "" {
		t.Errorf("the change, which other sinks share, is not as it was:\n%s", d)
	}
	return got[1:]
}

var emptyIsNil = cmp.FilterValues(func(a, b []capture.Value) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())

func TestSplitKeyChange(t *testing.T) {
	const absent, unchanged = capture.Absent, capture.Unchanged
	for _, c := range []struct {
		name        string
		old, next   []capture.Value
		gone, comes []capture.Value
	}{
		{"one column", row("1", "a", absent), row("2", "a", "x"), row("1", "a", absent), row("2", "a", "x")},
		{"full", row("1", "a", "x"), row("1", "b", "y"), row("1", "a", "x"), row("1", "b", "y")},
		{"to null", row("1", "a", absent), row("1", nil, "x"), row("1", "a", absent), row("1", nil, "x")},
		{"null is not empty", row("1", nil, absent), row("1", "", "x"), row("1", nil, absent), row("1", "", "x")},
		{"TOAST that the old row carries", row("1", "a", "long"), row("2", "a", unchanged), row("1", "a", "long"), row("2", "a", "long")},
		{"TOAST that it does not", row("1", "a", absent), row("2", "a", unchanged), row("1", "a", absent), row("2", "a", unchanged)},
		{"a null is no TOAST", row("1", "a", nil), row("2", "a", unchanged), row("1", "a", nil), row("2", "a", unchanged)},
		{"TOAST in the key", row("1", "a", absent), row("2", unchanged, "x"), row("1", "a", absent), row("2", "a", "x")},
		{"an identity besides the key", row("1", absent, absent), row("2", "a", "x"), row("1", "a", absent), row("2", "a", "x")},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := transform.Event{Change: update(c.old, c.next), Topic: "t"}
			want := []transform.Event{
				{Topic: "t", Suffix: "del", Change: &capture.Change{Tx: commit, Seq: 5, Op: capture.Delete, Table: orders, Before: c.gone}},
				{Topic: "t", Suffix: "ins", Change: &capture.Change{Tx: commit, Seq: 5, Op: capture.Insert, Table: orders, After: c.comes}},
			}
			if d := cmp.Diff(want, apply(t, transform.SplitKeyChange, e)); d != "" {
				t.Errorf("(- wanted, + got)\n%s", d)
			}
		})
	}
}

func TestWhatIsNotAChangeOfKey(t *testing.T) {
	const absent, unchanged = capture.Absent, capture.Unchanged
	moved := update(row("1", "a", "x"), row("2", "a", "x"))
	deleted := *moved
	deleted.Op, deleted.After = capture.Delete, nil
	for name, e := range map[string]transform.Event{
		"no old row":         {Change: update(nil, row("1", "a", "x"))},
		"the same key":       {Change: update(row("1", "a", "x"), row("1", "a", "y"))},
		"nulls":              {Change: update(row("1", nil, "x"), row("1", nil, "y"))},
		"unchanged":          {Change: update(row("1", "a", "x"), row("1", unchanged, "y"))},
		"absent":             {Change: update(row(absent, absent, "x"), row("1", "a", "y"))},
		"a delete":           {Change: &deleted},
		"keyed by a block":   {Change: moved, HasKey: true},
		"dressed by a block": {Change: moved, HasData: true},
		"named by a block":   {Change: moved, Type: "Moved"},
	} {
		if d := cmp.Diff([]transform.Event{e}, apply(t, transform.SplitKeyChange, e)); d != "" {
			t.Errorf("%s (- wanted, + got)\n%s", name, d)
		}
	}
}
