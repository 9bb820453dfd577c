package shape_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventtest/shape"
)

// row makes a row of "id=1 status=new note=null".
func row(text string) shape.Row {
	if text == "" {
		return nil
	}
	r := shape.Row{}
	for _, pair := range strings.Fields(text) {
		name, value, _ := strings.Cut(pair, "=")
		v := capture.Value{Kind: capture.Text, Bytes: []byte(value)}
		if value == "null" {
			v = capture.Value{Kind: capture.Null}
		}
		r[name] = v
	}
	return r
}

// image is the reverse of row, for all columns.
func image(t *capture.Table, values []capture.Value) string {
	if values == nil {
		return "none"
	}
	var parts []string
	for i, v := range values {
		text := [...]string{"null", string(v.Bytes), "unchanged", "absent"}[v.Kind]
		parts = append(parts, t.Columns[i].Name+"="+text)
	}
	return strings.Join(parts, " ")
}

// TestOldRows has what Postgres sends of old rows under each replica identity.
func TestOldRows(t *testing.T) {
	columns := []shape.Column{{Name: "id", Type: "int"}, {Name: "status", Type: "text"}, {Name: "note", Type: "text"}}
	identities := map[string]shape.Identity{"default": {}, "full": {Full: true}, "index": {Index: []string{"status"}}}
	for _, c := range []struct {
		identity, old, row, unchanged string
		before, after                 string
	}{
		{"default", "id=1 status=new", "status=paid", "", "none", "id=1 status=paid note=null"},
		{"default", "", "id=1 status=paid", "note", "none", "id=1 status=paid note=unchanged"},
		{"default", "id=1 status=new note=x", "id=2", "note", "id=1 status=absent note=absent", "id=2 status=new note=unchanged"},
		{"index", "id=1 status=new", "status=paid", "", "id=absent status=new note=absent", "id=1 status=paid note=null"},
		{"index", "id=1 status=new", "id=2", "", "none", "id=2 status=new note=null"},
		{"full", "id=1 status=new note=x", "status=paid", "", "id=1 status=new note=x", "id=1 status=paid note=x"},
		{"full", "id=1 status=new note=x", "status=paid", "note", "id=1 status=new note=x", "id=1 status=paid note=x"},
		{"full", "id=1 status=new", "", "", "id=1 status=new note=null", "id=1 status=new note=null"},
	} {
		table, _, err := shape.NewTypes().NewTable("public.orders", columns, []string{"id"}, identities[c.identity])
		if err != nil {
			t.Fatal(err)
		}
		before, after, err := shape.Update(table, row(c.old), row(c.row), strings.Fields(c.unchanged))
		if err != nil || image(table, before) != c.before || image(table, after) != c.after {
			t.Errorf("%s: update of %s by %s: %s and %s, %v", c.identity, c.old, c.row, image(table, before), image(table, after), err)
		}
	}
	for identity, want := range map[string]string{
		"default": "id=1 status=absent note=absent", "index": "id=absent status=new note=absent", "full": "id=1 status=new note=null",
	} {
		table, _, err := shape.NewTypes().NewTable("public.orders", columns, []string{"id"}, identities[identity])
		if err != nil {
			t.Fatal(err)
		}
		before, err := shape.Delete(table, row("id=1 status=new"))
		if err != nil || image(table, before) != want {
			t.Errorf("%s: delete: %s, %v", identity, image(table, before), err)
		}
	}
}
