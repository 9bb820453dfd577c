package changes_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/changes"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

var kinds = rulestest.Kinds{"changes": func() any { return &changes.Settings{} }}

func TestAdmits(t *testing.T) {
	for text, want := range map[string]string{
		``:                             "public.orders public.order_lines audit.log",
		`tables = "public.orders"`:     "public.orders",
		`tables = ["public.order*"]`:   "public.orders public.order_lines",
		`except = ["public.order_l*"]`: "public.orders audit.log",
		"tables = [\"*.*\"]\nexcept = \"audit.*\"": "public.orders public.order_lines",
	} {
		s := rulestest.MustLoad(t, kinds, "changes {\n"+text+"\n}")[0].Settings.(*changes.Settings)
		var got []string
		for _, name := range []string{"public.orders", "public.order_lines", "audit.log"} {
			if schema, table, _ := strings.Cut(name, "."); s.Admits(schema, table) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if !s.Publishes() {
			t.Errorf("%s publishes nothing", text)
		}
	}
}

// TestTheStepPassesEverythingOn: what no block admits is dropped after the last step.
func TestTheStepPassesEverythingOn(t *testing.T) {
	c := rulestest.Chain(t, transform.Site{}, rulestest.MustLoad(t, kinds, `changes { tables = "a.b" }`))
	change := rulestest.Insert(rulestest.Table("x.y", "id int4 key"), 1)
	if got, err := rulestest.Apply(c, change); err != nil || got != "insert 1" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestNamesOfTables(t *testing.T) {
	steps := rulestest.MustLoad(t, kinds, `changes { tables = ["public.odrers", "tenant_*.orders"] }`)
	report := rulestest.Check(steps, rulestest.Table("public.orders", "id int4 key")).String()
	for _, want := range []string{
		`error: the source publishes no table "public.odrers"`, `Did you mean "public.orders"?`,
		`warning: the source publishes no table "tenant_*.orders"`,
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %s:\n%s", want, report)
		}
	}
}
