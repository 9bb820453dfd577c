package mask_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/mask"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

const (
	absent    = capture.Absent
	unchanged = capture.Unchanged
)

var (
	kinds     = rulestest.Kinds{"mask": func() any { return &mask.Settings{} }}
	customers = rulestest.Table("public.customers", "email text key", "id int4 inline", "phone text", "born date", "vip bool", "profile jsonb", "notes bytea")
)

func chain(t testing.TB, columns string) *transform.Chain {
	t.Helper()
	return rulestest.Chain(t, transform.Site{}, rulestest.MustLoad(t, kinds, "mask \"public.customers\" {\n columns = {\n"+columns+"\n}\n}"))
}

// rows are the images of a change after the mask.
func rows(t *testing.T, c *transform.Chain, change *capture.Change) (before, after string) {
	t.Helper()
	was := *change
	events, err := c.Apply(nil, transform.Event{Change: change})
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if change.Op != was.Op || (change.After != nil && &change.After[0] != &was.After[0]) || (change.Before != nil && &change.Before[0] != &was.Before[0]) {
		t.Error("the change, which other sinks share, is not as it was")
	}
	show := func(row []capture.Value) string {
		return strings.TrimPrefix(rulestest.Show(&transform.Event{Change: &capture.Change{Op: capture.Insert, After: row}}), "insert ")
	}
	return show(events[0].Change.Before), show(events[0].Change.After)
}

func TestMask(t *testing.T) {
	for name, x := range map[string]struct{ columns, want string }{
		"null":        {"phone = null", "a@x,1,null,2000-01-02,t,{},b"},
		"a constant":  {`phone = "none"`, "a@x,1,none,2000-01-02,t,{},b"},
		"a part":      {`phone = "${substr(row.phone, 0, 3)}..."`, "a@x,1,555...,2000-01-02,t,{},b"},
		"a local":     {"phone = local.none", "a@x,1,null,2000-01-02,t,{},b"},
		"other types": {`born = "1900-01-01", vip = false, id = 0, profile = { vip = row.id }`, `a@x,0,555-1234,1900-01-01,f,{"vip":1},b`},
		"of others":   {`phone = "id ${row.id}"`, "a@x,1,id 1,2000-01-02,t,{},b"},
		"several":     {"phone = row.email\n notes = null", "a@x,1,a@x,2000-01-02,t,{},null"},
	} {
		change := rulestest.Insert(customers, "a@x", 1, "555-1234", "2000-01-02", "t", "{}", "b")
		if _, got := rows(t, chain(t, x.columns), change); got != x.want {
			t.Errorf("%s: %s, want %s", name, got, x.want)
		}
	}
}

// TestBothImagesAreMasked: the old and the new row of an update, what they lack stays lacking, and equal values stay equal.
func TestBothImagesAreMasked(t *testing.T) {
	c := chain(t, `email = hmac(row.email, env("KEY")), phone = "${substr(row.phone, 0, 1)}..."`)
	before, after := rows(t, c, rulestest.Update(customers,
		rulestest.Row("a@x", absent, absent, absent, absent, absent, absent),
		rulestest.Row("b@x", 1, unchanged, "2000-01-02", "t", unchanged, nil)))
	was, rest, _ := strings.Cut(before, ",")
	is, left, _ := strings.Cut(after, ",")
	if rest != "absent,absent,absent,absent,absent,absent" || left != "1,unchanged,2000-01-02,t,unchanged,null" {
		t.Errorf("before %s, after %s", before, after)
	}
	if len(was) != 64 || len(is) != 64 || was == is || strings.Contains(before+after, "@") {
		t.Errorf("before %s, after %s", before, after)
	}
	gone, _ := rows(t, c, rulestest.Delete(customers, "a@x", absent, absent, absent, absent, absent, absent))
	if gone != before {
		t.Errorf("the key of a delete is %s, of an update it was %s", gone, before)
	}
	if _, after := rows(t, c, rulestest.Insert(customers, nil, 1, nil, nil, nil, nil, nil)); after != "null,1,null,null,null,null,null" {
		t.Errorf("nulls become %s", after)
	}
}

func TestWhatIsNotMasked(t *testing.T) {
	c := chain(t, "phone = null")
	other := rulestest.Insert(rulestest.Table("public.other", "phone text"), "555")
	truncate := rulestest.Change(capture.Truncate, customers, nil, nil)
	for _, e := range []transform.Event{
		{Change: other},
		{Change: truncate},
		{Change: rulestest.Insert(customers, "a@x", 1, "555", nil, nil, nil, nil), Type: "Made"},
	} {
		got, err := c.Apply(nil, e)
		if err != nil || len(got) != 1 || got[0].Change != e.Change {
			t.Errorf("%s of %s: %v, %v", e.Change.Op, e.Change.Table, got, err)
		}
	}
}

// TestValuesOfAnotherTypeAreRejected: an integer that is no integer would break the JSON of the event and the replica.
func TestValuesOfAnotherTypeAreRejected(t *testing.T) {
	for _, columns := range []string{`id = "x${row.id}"`, `born = substr(row.email, 0, 10)`, `vip = row.email`} {
		_, err := chain(t, columns).Apply(nil, transform.Event{Change: rulestest.Insert(customers, "a@x", 1, "5", "2000-01-02", "t", "{}", "b")})
		if r := transform.AsRejection(err); r == nil || !strings.Contains(err.Error(), "does not fit the column's type") || strings.Contains(err.Error(), "a@x") {
			t.Errorf("%s: %v", columns, err)
		}
	}
}

// TestMasksOfAPipeline: the rows of the change itself are replaced, and their memory is not touched.
func TestMasksOfAPipeline(t *testing.T) {
	s := rulestest.MustLoad(t, kinds, `mask "public.customers" { columns = { phone = null } }`)[0].Settings.(*mask.Settings)
	f, err := s.Mask(transform.Site{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	row := rulestest.Row("a@x", 1, "555", nil, nil, nil, nil)
	change := rulestest.Change(capture.Insert, customers, nil, row)
	if err := f(change); err != nil || change.After[2].Kind != capture.Null || row[2].String() != "555" {
		t.Errorf("%v, %v, the row was %v", err, change.After[2], row[2])
	}
	older := *customers
	older.Columns = older.Columns[:2]
	change = rulestest.Insert(&older, "a@x", 1)
	if p := capture.AsProblem(f(change)); p == nil || p.State != "rule_does_not_fit" {
		t.Errorf("a shape without the column: %v", p)
	}
	f, _ = s.Mask(transform.Site{Tables: []*capture.Table{customers}}, nil)
	if err := f(change); err != nil {
		t.Errorf("a row that is older than the column: %v", err)
	}
}

// What older rows have in a column that was added with a default is a value of the column: a replica must not get it.
func TestDefaultOfAMaskedColumnIsHidden(t *testing.T) {
	added := *customers
	added.Columns = slices.Clone(customers.Columns)
	phone := &added.Columns[added.Column("phone")]
	phone.Fill, phone.Filled = capture.FillValue, "555"
	s := rulestest.MustLoad(t, kinds, `mask "public.customers" { columns = { phone = "none" } }`)[0].Settings.(*mask.Settings)
	f, err := s.Mask(transform.Site{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	row := rulestest.Row("a@x", 1, "555", nil, nil, nil, nil)
	first, second := rulestest.Change(capture.Insert, &added, nil, row), rulestest.Change(capture.Insert, &added, nil, row)
	if err := errors.Join(f(first), f(second)); err != nil {
		t.Fatal(err)
	}
	if c := first.Table.Columns[2]; c.Fill != capture.FillUnknown || c.Filled != "" {
		t.Errorf("the default is shown: %v %q", c.Fill, c.Filled)
	}
	if first.Table != second.Table {
		t.Error("each change has a shape of its own")
	}
	if phone.Filled == "" {
		t.Error("the shape of the source has changed")
	}
}

func TestAllocs(t *testing.T) {
	c := chain(t, `phone = "${substr(row.phone, 0, 3)}..."`)
	change := rulestest.Insert(customers, "a@x", 1, "555-1234", "2000-01-02", "t", "{}", "b")
	var dst []transform.Event
	if n := testing.AllocsPerRun(1000, func() { dst, _ = c.Apply(dst[:0], transform.Event{Change: change}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
