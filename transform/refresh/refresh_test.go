package refresh_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/refresh"
	"github.com/tailrace/tailrace/transform/rules/rulestest"
)

var (
	kinds    = rulestest.Kinds{"refresh": func() any { return refresh.NewSettings() }}
	products = rulestest.Table("public.products", "sku text key inline", "title text inline", "doc text")
)

const block = `refresh "public.products" {
  key   = "product:${row.sku}"
  value = { sku = row.sku, title = row.title }
  ttl   = "24h"
}`

func eventsOf(t *testing.T, c *transform.Chain, change *capture.Change) string {
	t.Helper()
	events, err := c.Apply(nil, transform.Event{Change: change})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range events {
		switch {
		case e.Type == transform.Invalidate && !e.HasKey:
			texts = append(texts, "*")
		case e.Type == transform.Refresh && e.Data == nil:
			texts = append(texts, string(e.Key)+" gone")
		case e.Type == transform.Refresh:
			texts = append(texts, string(e.Key)+" "+string(e.Data))
		}
	}
	return strings.Join(texts, "; ")
}

func TestRefresh(t *testing.T) {
	c := rulestest.Chain(t, transform.Site{Rules: &transform.Rules{}}, rulestest.MustLoad(t, kinds, block))
	for _, x := range []struct {
		change *capture.Change
		want   string
	}{
		{rulestest.Insert(products, "a", "A", "d"), `product:a {"sku":"a","title":"A"}`},
		{rulestest.Change(capture.Read, products, nil, rulestest.Row("a", "A", "d")), `product:a {"sku":"a","title":"A"}`},
		{rulestest.Update(products, nil, rulestest.Row("a", "B", capture.Unchanged)), `product:a {"sku":"a","title":"B"}`},
		{
			rulestest.Update(products, rulestest.Row("a", capture.Absent, capture.Absent), rulestest.Row("b", "B", "d")),
			`product:b {"sku":"b","title":"B"}; product:a gone`,
		},
		{rulestest.Delete(products, "a", capture.Absent, capture.Absent), "product:a gone"},
		{rulestest.Change(capture.Truncate, products, nil, nil), "*"},
		{rulestest.Insert(rulestest.Table("public.lines", "id int4 key"), 1), ""},
	} {
		if got := eventsOf(t, c, x.change); got != x.want {
			t.Errorf("%s: %q, want %q", x.change.Op, got, x.want)
		}
	}
}

// A value that an update left unchanged out of line is not in the log, so no value can be made of it.
func TestToastedValueIsRefused(t *testing.T) {
	steps := rulestest.MustLoad(t, kinds, strings.Replace(block, "row.title", "row.doc", 1))
	if report := rulestest.Check(steps, products); !report.HasErrors() || !strings.Contains(fmt.Sprint(report), "doc") {
		t.Errorf("%s", report)
	}
	if report := rulestest.Check(steps, rulestest.Full(products)); report.HasErrors() {
		t.Errorf("FULL: %s", report)
	}
}
