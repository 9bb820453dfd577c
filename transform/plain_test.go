package transform_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// DropPlain drops plain changes table by table, whatever their order, and asks once per shape.
func TestDropPlain(t *testing.T) {
	admitted, other := &capture.Table{Schema: "s", Name: "admitted"}, &capture.Table{Schema: "s", Name: "other"}
	reshaped := *admitted
	var asked []string
	step := transform.DropPlain(func(schema, table string) bool {
		asked = append(asked, schema+"."+table)
		return table == "admitted"
	})
	for i, c := range []struct {
		event transform.Event
		want  bool
	}{
		{transform.Event{Change: &capture.Change{Op: capture.Insert, Table: admitted}}, true},
		{transform.Event{Change: &capture.Change{Op: capture.Insert, Table: other}}, false},
		{transform.Event{Change: &capture.Change{Op: capture.Update, Table: other}}, false},
		{transform.Event{Change: &capture.Change{Op: capture.Delete, Table: admitted}}, true},
		{transform.Event{Change: &capture.Change{Op: capture.Truncate, Table: other}}, false},
		{transform.Event{Change: &capture.Change{Op: capture.Insert, Table: &reshaped}}, true},
		{transform.Event{Change: &capture.Change{Op: capture.Message, Table: admitted}}, false},
		{transform.Event{Change: &capture.Change{Op: capture.Message, Table: other}, Type: "shop.cart"}, true},
		{transform.Event{Change: &capture.Change{Op: capture.Insert, Table: other}, HasKey: true}, true},
		{transform.Event{Change: &capture.Change{Op: capture.Insert, Table: other}, HasData: true}, true},
	} {
		got, err := step(nil, c.event)
		if err != nil || (len(got) == 1) != c.want {
			t.Errorf("event %d: %d events, %v", i, len(got), err)
		}
	}
	if d := cmp.Diff([]string{"s.admitted", "s.other", "s.admitted"}, asked); d != "" {
		t.Errorf("asked about (- wanted, + got)\n%s", d)
	}
}
