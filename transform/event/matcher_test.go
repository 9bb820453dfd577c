package event_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

// TestManyRulesGiveWhatEachGives compares rules that are found by their constants with each rule alone.
func TestManyRulesGiveWhatEachGives(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	values := []string{"a", "b", "c", "", "d"}
	pick := func() string { return values[r.IntN(len(values))] }
	for round := range 20 {
		var blocks []string
		for i := range 1 + r.IntN(30) {
			conditions := []string{`op != "delete"`}
			for _, column := range []string{"status", "note"} {
				switch r.IntN(4) {
				case 0:
					conditions = append(conditions, fmt.Sprintf("row.%s == %q", column, pick()))
				case 1:
					conditions = append(conditions, fmt.Sprintf("row.%s != %q", column, pick()))
				case 2:
					conditions = append(conditions, fmt.Sprintf("(row.%s == %q || row.id > 1)", column, pick()))
				}
			}
			blocks = append(blocks, fmt.Sprintf("\"E%d\" {\n table = \"public.orders\"\n when = %s\n data = row.id\n}", i, strings.Join(conditions, " && ")))
		}
		all := chain(t, blocks...)
		var alone []*transform.Chain
		for _, b := range blocks {
			alone = append(alone, chain(t, b))
		}
		for range 30 {
			row := rulestest.Row(r.IntN(3), pick(), 1, "x", pick())
			if r.IntN(4) == 0 {
				row[1] = capture.Value{}
			}
			change := rulestest.Change([]capture.Op{capture.Insert, capture.Update, capture.Read}[r.IntN(3)], orders, nil, row)
			var want []string
			for _, c := range alone {
				events, err := c.Apply(nil, transform.Event{Change: change})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events[:len(events)-1] {
					want = append(want, rulestest.Show(&e))
				}
			}
			got, err := rulestest.Apply(all, change)
			if want := strings.Join(append(want, rulestest.Show(&transform.Event{Change: change})), " | "); err != nil || got != want {
				t.Fatalf("round %d: %v\n got %s\nwant %s\nof %s", round, err, got, want, strings.Join(blocks, "\n"))
			}
		}
	}
}

// TestEventsStay: an event keeps its bytes whatever comes after it, because a step does not learn when it was written.
func TestEventsStay(t *testing.T) {
	c := chain(t, `"A" {
  table   = "public.orders"
  when    = op == "insert"
  key     = row.id
  topic   = "t.${row.id}"
  headers = { h = row.note }
  subject = row.status
  data    = { id = row.id, doc = row.doc }
}`)
	var events []transform.Event
	doc := strings.Repeat("d", 100)
	for i := range 2000 {
		var err error
		if i%500 == 7 {
			doc += strings.Repeat("e", 20_000)
		}
		events, err = c.Apply(events, transform.Event{Change: rulestest.Insert(orders, i, "s", 1, doc, fmt.Sprint("note", i))})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(events); i += 2 {
		want := fmt.Sprintf(`A key=%[1]d topic=t.%[1]d h=note%[1]d ce_subject=s data={"id":%[1]d,"doc":"ddd`, i/2)
		if got := rulestest.Show(&events[i]); !strings.HasPrefix(got, want) {
			t.Fatalf("event %d is %.200s", i/2, got)
		}
	}
}

func TestAllocs(t *testing.T) {
	var blocks []string
	for i := range 100 {
		blocks = append(blocks, fmt.Sprintf("\"E%d\" {\n table = \"public.orders\"\n when = op == \"insert\" && row.status == \"s%d\" && row.total > 1\n"+
			" key = row.id\n topic = \"t.${row.status}\"\n headers = { note = row.note }\n subject = row.note\n"+
			" data = { id = row.id, total = row.total, doc = row.doc }\n}", i, i))
	}
	c := chain(t, blocks...)
	var dst []transform.Event
	for name, change := range map[string]*capture.Change{
		"a change that matches": rulestest.Insert(orders, 1, "s7", 2, "x", "y"), "one that matches nothing": rulestest.Insert(orders, 1, "none", 2, "x", "y"),
		"another table": rulestest.Insert(lines, 1, 1, "x"),
	} {
		n := testing.AllocsPerRun(1000, func() {
			var err error
			if dst, err = c.Apply(dst[:0], transform.Event{Change: change}); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
