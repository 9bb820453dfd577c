package invalidate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/invalidate"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

var (
	kinds  = rulestest.Kinds{"invalidate": func() any { return &invalidate.Settings{} }}
	orders = rulestest.Table("public.orders", "id int4 key", "customer int4", "note text")
)

const both = `invalidate "public.orders" { keys = ["order:${row.id}", "customer:${row.customer}:orders"] }`

func keysOf(t *testing.T, c *transform.Chain, change *capture.Change) string {
	t.Helper()
	events, err := c.Apply(nil, transform.Event{Change: change})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, e := range events {
		switch {
		case e.Type == "":
		case e.Type != transform.Invalidate:
			t.Fatalf("%+v", e)
		case !e.HasKey:
			keys = append(keys, "*")
		default:
			keys = append(keys, string(e.Key))
		}
	}
	return strings.Join(keys, " ")
}

func TestKeysOfBothRows(t *testing.T) {
	full := rulestest.Full(orders)
	counted := &transform.Rules{}
	c := rulestest.Chain(t, transform.Site{Rules: counted}, rulestest.MustLoad(t, kinds, both))
	for _, x := range []struct {
		change *capture.Change
		want   string
	}{
		{rulestest.Insert(full, 1, 7, "a"), "order:1 customer:7:orders"},
		{rulestest.Update(full, rulestest.Row(1, 7, "a"), rulestest.Row(1, 8, "a")), "order:1 customer:8:orders customer:7:orders"},
		{rulestest.Update(full, rulestest.Row(1, 7, "a"), rulestest.Row(1, 7, "b")), "order:1 customer:7:orders"},
		{rulestest.Update(full, rulestest.Row(1, 7, "a"), rulestest.Row(2, 7, "a")), "order:2 customer:7:orders order:1"},
		{rulestest.Delete(full, 1, 7, "a"), "order:1 customer:7:orders"},
		{rulestest.Insert(full, 1, nil, "a"), "order:1"},
		{rulestest.Change(capture.Truncate, full, nil, nil), "*"},
		{rulestest.Change(capture.Read, full, nil, rulestest.Row(1, 7, "a")), ""},
		{rulestest.Insert(rulestest.Table("public.lines", "id int4 key"), 1), ""},
	} {
		if got := keysOf(t, c, x.change); got != x.want {
			t.Errorf("%s %v -> %v: %q, want %q", x.change.Op, x.change.Before, x.change.After, got, x.want)
		}
	}
	if n := counted.All()[0].NullKeys.Load(); n != 1 {
		t.Errorf("%d null keys", n)
	}
}

// Under the default identity an update that keeps the key has no old row: the key is the same.
func TestDefaultIdentity(t *testing.T) {
	c := rulestest.Chain(t, transform.Site{}, rulestest.MustLoad(t, kinds, `invalidate "public.orders" { keys = ["order:${row.id}"] }`))
	for _, x := range []struct {
		change *capture.Change
		want   string
	}{
		{rulestest.Update(orders, nil, rulestest.Row(1, 8, capture.Unchanged)), "order:1"},
		{rulestest.Update(orders, rulestest.Row(1, capture.Absent, capture.Absent), rulestest.Row(2, 8, "n")), "order:2 order:1"},
		{rulestest.Delete(orders, 1, capture.Absent, capture.Absent), "order:1"},
	} {
		if got := keysOf(t, c, x.change); got != x.want {
			t.Errorf("%s: %q, want %q", x.change.Op, got, x.want)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for block, want := range map[string]string{
		`keys = ["${row.id}"]`:        "begins with a value of the row",
		`keys = "order:${row.id}"`:    "not a list",
		`keys = []`:                   "not a list",
		`keys = ["order:${old.id}"]`:  "old",
		`keys = ["order:${tx.lsn}"]`:  "tx",
		`keys = ["order:${row.id}${"`: "",
	} {
		_, report := rulestest.Load(t, kinds, fmt.Sprintf(`invalidate "public.orders" { %s }`, block), false)
		if !report.HasErrors() || !strings.Contains(fmt.Sprint(report), want) {
			t.Errorf("%s: %s", block, report)
		}
	}
	steps := rulestest.MustLoad(t, kinds, both)
	if report := rulestest.Check(steps, orders); !report.HasErrors() || !strings.Contains(fmt.Sprint(report), "customer") {
		t.Errorf("a column outside of the replica identity: %s", report)
	}
	if report := rulestest.Check(steps, rulestest.Full(orders)); report.HasErrors() {
		t.Errorf("FULL: %s", report)
	}
}

func TestPrefixes(t *testing.T) {
	steps := rulestest.MustLoad(t, kinds, both)
	got := steps[0].Settings.(*invalidate.Settings).KeyPrefixes()
	if fmt.Sprint(got) != "[order: customer:]" {
		t.Error(got)
	}
}

func TestAllocs(t *testing.T) {
	c := rulestest.Chain(t, transform.Site{}, rulestest.MustLoad(t, kinds, both))
	change := rulestest.Update(rulestest.Full(orders), rulestest.Row(1, 7, "a"), rulestest.Row(1, 8, "a"))
	dst := make([]transform.Event, 0, 8)
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.Apply(dst, transform.Event{Change: change}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
