package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform/expr"
)

// full returns the table of the tests with REPLICA IDENTITY FULL.
func full() *capture.Table {
	t := orders()
	for i := range t.Columns {
		t.Columns[i].Identity = true
	}
	return t
}

// TestUnknownValues expects a problem at the text between » and «, for the operation; without marks there is none.
func TestUnknownValues(t *testing.T) {
	for _, c := range []struct {
		text string
		op   capture.Op
		want string
	}{
		// columns of old that the replica identity does not have
		{`»old.status« != "paid" && row.status == "paid"`, capture.Update, "old.status is not known in an update: The replica identity of public.orders has only id."},
		{`op == "update" && »old.qty« > 1`, capture.Update, "ALTER TABLE public.orders REPLICA IDENTITY FULL"},
		{`»old.status« == null`, capture.Update, "old.status is not known"},
		{`try(»old.status«, null) == null`, capture.Update, "old.status is not known"},
		{`can(»old.status«)`, capture.Update, "old.status is not known"},
		{`coalesce(»old.note«, "x") == "x"`, capture.Update, "USING INDEX"},
		{`»old« == null`, capture.Update, "old.status is not known"},
		{`op == "insert" || »old.qty« > 1`, capture.Update, "old.qty is not known in an update"},
		{`old.id != row.id`, capture.Update, ""},
		{`old.status != "paid" && op == "insert"`, capture.Update, ""},
		{`old.status != "paid"`, capture.Insert, ""},
		{`old.status != "paid"`, capture.Read, ""},
		{`op == "update" ? »old.qty« > 1 : false`, capture.Update, "old.qty is not known"},
		{`op == "insert" ? old.qty > 1 : row.id > 1`, capture.Update, ""},
		// columns of a deleted row
		{`»row.status« == "paid"`, capture.Delete, "row.status is not known in a delete"},
		{`»old.status« == "paid"`, capture.Delete, "old.status is not known in a delete"},
		{`»row.paid« && »row.qty« > 1`, capture.Delete, "row.paid is not known in a delete"},
		{`row.id == 1 && old.id == 1`, capture.Delete, ""},
		{`op != "delete" && row.status == "paid"`, capture.Delete, ""},
		{`row.status == "paid" && op != "delete"`, capture.Delete, ""},
		// values out of line that an update did not change
		{`»row.note« > "a"`, capture.Update, "row.note may be unknown in an update: A value that is stored out of line (TOAST)"},
		{`upper(»row.status«) == "PAID"`, capture.Update, "row.status may be unknown"},
		{`row.status == "paid"`, capture.Update, ""},
		{`row.status == "fifteen bytes !"`, capture.Update, ""},
		{`»row.status« == "sixteen bytes !!"`, capture.Update, "of up to 15 bytes, is always known"},
		{`row.status != "paid" || row.note == ""`, capture.Update, ""},
		{`row.note == null || row.doc != null`, capture.Update, ""},
		{`»row.note« == »row.status«`, capture.Update, "row.note may be unknown"},
		{`»row.code« == "ab"`, capture.Update, "row.code may be unknown"},
		{`»row.doc.a« == 1`, capture.Update, "row.doc may be unknown"},
		{`»row.doc« == "a"`, capture.Update, "row.doc may be unknown"},
		{`»row.tags[0]« == "a"`, capture.Update, "row.tags may be unknown"},
		{`row.qty > 1 && row.paid && row.uid == "a text that is longer than fifteen bytes"`, capture.Update, ""},
		{`"x${»row.note«}" == "x"`, capture.Update, "row.note may be unknown"},
		{`[for x in »row.tags« : x] == ["a"]`, capture.Update, "row.tags may be unknown"},
		{`»row« == null`, capture.Update, "row.status may be unknown"},
		{`row.note > "a"`, capture.Insert, ""},
		// a truncate has no rows
		{`»row«.id == 1`, capture.Truncate, `a truncate has no row`},
		{`op == "truncate" || row.id == 1`, capture.Truncate, ""},
	} {
		plain := strings.NewReplacer("»", "", "«", "").Replace(c.text)
		_, diags := rowOf(t, plain, expr.Names{}).Condition(shapeOf(c.op))
		if c.want == "" {
			if diags.HasErrors() {
				t.Errorf("%s for %s: %v", plain, c.op, diags)
			}
			continue
		}
		if len(diags) == 0 {
			t.Errorf("%s for %s: no problem", plain, c.op)
			continue
		}
		if got := diags[0].Summary + ": " + diags[0].Detail; !strings.Contains(got, c.want) {
			t.Errorf("%s for %s: %s, want %s", plain, c.op, got, c.want)
		}
		if marked := mark(plain, diags); !strings.Contains(c.text, "row.tags[0]") && !strings.Contains(c.text, "doc.a") && marked != c.text && !strings.Contains(c.text, "»row.note« == »") {
			t.Errorf("marked %s, want %s", marked, c.text)
		}
	}
}

// With REPLICA IDENTITY FULL everything is known.
func TestFullIdentity(t *testing.T) {
	table := full()
	before, after := values(), values()
	before[at("status")] = text("open")
	for source, want := range map[string]bool{
		`old.status != "paid" && row.status == "paid"`: true, `old.status == row.status`: false, `old.note == row.note`: true, `old.doc.k == 2`: true, `old.total == row.total`: true,
	} {
		s := expr.Shape{Table: table, Op: capture.Update}
		if got, err := holds(t, source, s, change(capture.Update, table, before, after)); got != want || err != nil {
			t.Errorf("%s: %t, %v", source, got, err)
		}
	}
	s := expr.Shape{Table: table, Op: capture.Delete}
	if got, err := holds(t, `row.status == "open" && old.status == "open" && row == old`, s, change(capture.Delete, table, before, nil)); !got || err != nil {
		t.Errorf("a delete: %t, %v", got, err)
	}
}

// An identity column that the log does not repeat has not changed.
func TestOldKey(t *testing.T) {
	table := orders()
	s := expr.Shape{Table: table, Op: capture.Update}
	moved := make([]capture.Value, len(cells))
	for i := range moved {
		moved[i].Kind = capture.Absent
	}
	moved[0] = text("41")
	for _, c := range []struct {
		before []capture.Value
		source string
		want   bool
	}{{nil, `old.id == row.id`, true}, {moved, `old.id == row.id`, false}, {moved, `old.id == 41 && row.id == 42`, true}} {
		if got, err := holds(t, c.source, s, change(capture.Update, table, c.before, values())); got != c.want || err != nil {
			t.Errorf("%s: %t, %v", c.source, got, err)
		}
	}
}

// An update without a value stored out of line: what is known stays known, and nothing becomes null.
func TestUnchangedAtRunTime(t *testing.T) {
	table := orders()
	s := expr.Shape{Table: table, Op: capture.Update}
	after := values()
	for _, name := range []string{"status", "note", "doc"} {
		after[at(name)] = capture.Value{Kind: capture.Unchanged}
	}
	in := change(capture.Update, table, nil, after)
	for source, want := range map[string]bool{
		`row.status == "paid"`: false, `row.status != "paid"`: true, `row.note == null`: false, `row.note != null`: true, `row.doc == null`: false, `row.note == ""`: false,
		`!(row.status == "paid")`: true,
	} {
		if got, err := holds(t, source, s, in); got != want || err != nil {
			t.Errorf("%s: %t, %v", source, got, err)
		}
	}
	// The shape promised the value: a named state.
	for _, c := range []struct {
		source string
		value  capture.ValueKind
	}{{`row.id > 1`, capture.Absent}, {`row.id > 1`, capture.Unchanged}, {`try(row.id, 1) == 1`, capture.Absent}, {`can(row.id)`, capture.Absent}, {`row.id == null`, capture.Absent}} {
		broken := values()
		broken[0] = capture.Value{Kind: c.value}
		_, err := holds(t, c.source, s, change(capture.Update, table, nil, broken))
		if p := capture.AsProblem(err); p == nil || p.State != "rule_value_unknown" || !strings.Contains(p.Reason, "row.id") {
			t.Errorf("%s without the value: %v", c.source, err)
		}
	}
	if _, err := holds(t, `row.id > 1`, s, change(capture.Update, table, nil, after[:2])); capture.AsProblem(err) == nil {
		t.Errorf("a row with too few columns: %v", err)
	}
}

func TestOnUnchanged(t *testing.T) {
	table := orders()
	after := values()
	for _, name := range []string{"status", "note", "doc"} {
		after[at(name)] = capture.Value{Kind: capture.Unchanged}
	}
	in := change(capture.Update, table, nil, after)
	for _, c := range []struct {
		source, want string
		policy       expr.Unchanged
	}{
		{`{ a = row.note, b = row.id, c = { d = row.doc, e = 1 }, f = row.status }`, `{"b":42,"c":{"e":1}}`, expr.Omit},
		{`{ b = row.id, a = (row.note) }`, `{"b":42}`, expr.Omit},
		{`{ (row.id) = 1, a = row.note }`, `{"42":1}`, expr.Omit},
		{`{ a = upper(row.note) }`, `may be unknown`, expr.Omit},
		{`row.note`, `may be unknown`, expr.Omit},
		{`{ a = row.doc.x }`, `may be unknown`, expr.Omit},
		{`{ a = row.note }`, `may be unknown`, expr.Refuse},
		{`{ a = row.note }`, `ErrUnchanged`, expr.Reject},
		{`upper(row.note)`, `ErrUnchanged`, expr.Reject},
		{`try(row.note, 1)`, `ErrUnchanged`, expr.Reject},
		{`{ a = row.qty, b = row.code }`, `{"a":3,"b":"ab   "}`, expr.Reject},
	} {
		v, diags := rowOf(t, c.source, expr.Names{}).Value(expr.Shape{Table: table, Op: capture.Update, Unchanged: c.policy})
		if diags.HasErrors() {
			if !strings.Contains(diags.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.source, diags, c.want)
			}
			continue
		}
		out, err := v.AppendJSON([]byte("-"), in)
		if errors.Is(err, expr.ErrUnchanged) && string(out) == "-" {
			out = []byte("-ErrUnchanged")
		} else if err != nil {
			t.Errorf("%s: %v", c.source, err)
		}
		if string(out) != "-"+c.want {
			t.Errorf("%s: %s, want %s", c.source, out, c.want)
		}
	}
	s := expr.Shape{Table: table, Op: capture.Update, Unchanged: expr.Omit}
	v, diags := rowOf(t, `row`, expr.Names{}).Value(s)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	out, err := v.AppendJSON(nil, in)
	if err != nil || strings.Contains(string(out), `"note"`) || !strings.Contains(string(out), `{"id":42,"total":"120.50"`) {
		t.Errorf("a row without its unchanged values: %s, %v", out, err)
	}
}
