package aggregate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/aggregate"
)

var (
	int8Type    = &capture.Type{OID: 20, Schema: "pg_catalog", Name: "int8", Kind: capture.KindInt}
	int4Type    = &capture.Type{OID: 23, Schema: "pg_catalog", Name: "int4", Kind: capture.KindInt}
	textType    = &capture.Type{OID: 25, Schema: "pg_catalog", Name: "text"}
	numericType = &capture.Type{OID: 1700, Schema: "pg_catalog", Name: "numeric", Kind: capture.KindNumeric}
	floatType   = &capture.Type{OID: 701, Schema: "pg_catalog", Name: "float8", Kind: capture.KindFloat}
)

// newTable returns a table with DEFAULT identity, whose first column is its key. The columns are names and types.
func newTable(name string, columns ...any) *capture.Table {
	t := &capture.Table{Schema: "public", Name: name, Key: []int{0}}
	for i := 0; i < len(columns); i += 2 {
		typ := columns[i+1].(*capture.Type)
		t.Columns = append(t.Columns, capture.Column{
			Name: columns[i].(string), Type: typ, Modifier: -1, Key: i == 0, Identity: i == 0, Inline: typ.Kind == capture.KindInt, Nullable: i > 0,
		})
	}
	return t
}

// full returns the table with REPLICA IDENTITY FULL.
func full(t *capture.Table) *capture.Table {
	with := *t
	with.Columns = append([]capture.Column(nil), t.Columns...)
	for i := range with.Columns {
		with.Columns[i].Identity = true
	}
	return &with
}

var (
	orders = newTable("orders", "id", int8Type, "status", textType, "total", int8Type)
	lines  = newTable("order_lines", "id", int8Type, "order_id", int8Type, "sku", textType, "qty", int4Type)
	notes  = newTable("order_notes", "id", int8Type, "order_id", int8Type, "note", textType)
)

// placed is the aggregate of most tests.
const placed = `aggregate "OrderPlaced" {
  table = "public.orders"
  when  = op == "insert"
  key   = row.id
  child "public.order_lines" {
    as   = "lines"
    join = child.order_id == row.id
  }
  data = { id = row.id, status = row.status, lines = [for l in lines : { sku = l.sku, qty = l.qty }] }
}`

// load returns the settings of the block aggregate, with the problems of the file.
func load(t testing.TB, block string) (*aggregate.Settings, hcl.Diagnostics) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.hcl")
	text := "pipeline \"p\" {\n  source \"none\" {}\n  sink \"none\" \"s\" {\n" + block + "\n  }\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	none := func() any { return &struct{}{} }
	f, report := config.Load([]string{path}, config.Kinds{
		Sources: map[string]func() any{"none": none}, Sinks: map[string]func() any{"none": none},
		Steps: map[string]config.StepKind{"aggregate": {Settings: func() any { return aggregate.NewSettings() }, Sinks: []string{"none"}}},
	}, config.Options{})
	if report.HasErrors() {
		return nil, report.Diagnostics
	}
	return f.Pipelines[0].Sinks[0].Steps[0].Settings.(*aggregate.Settings), report.Diagnostics
}

// step is a step under test.
type step struct {
	t     testing.TB
	step  transform.Step
	chain *transform.Chain
	rules *transform.Rules
}

func newStep(t testing.TB, block string) *step {
	t.Helper()
	s, diags := load(t, block)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	rules := &transform.Rules{}
	made, err := s.Collect(transform.Site{Pipeline: "p", Sink: "s", Rules: rules}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return &step{t: t, step: made, chain: transform.NewChain(made), rules: rules}
}

// values returns a row: text for a string or a number, null for nil, and a value of the kind for a ValueKind.
func values(list ...any) []capture.Value {
	row := make([]capture.Value, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case nil:
		case capture.ValueKind:
			row[i].Kind = v
		default:
			row[i] = capture.Value{Kind: capture.Text, Bytes: []byte(fmt.Sprint(v))}
		}
	}
	return row
}

// The changes of a transaction, without their positions.
func insert(t *capture.Table, row ...any) capture.Change {
	return capture.Change{Op: capture.Insert, Table: t, After: values(row...)}
}

func update(t *capture.Table, row ...any) capture.Change {
	return capture.Change{Op: capture.Update, Table: t, After: values(row...)}
}

// moved is an update that changes the key.
func moved(t *capture.Table, from any, row ...any) capture.Change {
	c := update(t, row...)
	c.Before = keyOnly(t, from)
	return c
}

func deleted(t *capture.Table, key any) capture.Change {
	return capture.Change{Op: capture.Delete, Table: t, Before: keyOnly(t, key)}
}

func truncate(t *capture.Table) capture.Change { return capture.Change{Op: capture.Truncate, Table: t} }

func keyOnly(t *capture.Table, key any) []capture.Value {
	row := make([]capture.Value, len(t.Columns))
	for i := range row {
		row[i].Kind = capture.Absent
	}
	row[0] = values(key)[0]
	return row
}

// transaction gives changes their positions in a transaction.
func transaction(lsn capture.LSN, changes ...capture.Change) []capture.Change {
	tx := &capture.Tx{LSN: lsn, XID: 700}
	for i := range changes {
		changes[i].Tx, changes[i].Seq = tx, uint64(i)
	}
	return changes
}

// run gives the step a transaction and returns its events. The memory of each change is overwritten after it, as that of a batch is.
func (s *step) run(changes []capture.Change) ([]transform.Event, error) {
	s.t.Helper()
	for i := range changes {
		if err := s.give(&changes[i]); err != nil {
			return nil, err
		}
	}
	return s.chain.Commit(nil, changes[len(changes)-1].Tx)
}

// give gives the step a copy of a change.
func (s *step) give(c *capture.Change) error {
	given := *c
	given.Before, given.After = cloned(c.Before), cloned(c.After)
	out, err := s.chain.Apply(nil, transform.Event{Change: &given})
	if err == nil && (len(out) != 1 || out[0].Change != &given || !out[0].Plain()) {
		s.t.Fatalf("the change is not passed on: %+v", out)
	}
	for _, row := range [][]capture.Value{given.Before, given.After} {
		for i := range row {
			for j := range row[i].Bytes {
				row[i].Bytes[j] = '#'
			}
			row[i] = capture.Value{Kind: capture.Absent}
		}
	}
	return err
}

func cloned(row []capture.Value) []capture.Value {
	if row == nil {
		return nil
	}
	out := make([]capture.Value, len(row))
	for i, v := range row {
		out[i] = capture.Value{Kind: v.Kind, Bytes: append([]byte(nil), v.Bytes...)}
	}
	return out
}

// show prints events: position, operation, key and data.
func show(events []transform.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s %s %s %s\n", e.Change.At(), e.Change.Op, e.Key, e.Data)
	}
	return b.String()
}
