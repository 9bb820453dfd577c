package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestExplainOffline(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		file string
	}{
		{"matched", []string{"-table", "public.orders", "-old", `{"id":1,"status":"new","total":12.5,"tenant":7}`, "-row", `{"status":"paid"}`}, "matched"},
		{"not matched", []string{"-table", "public.orders", "-old", `{"id":1,"status":"new","total":12.5,"tenant":7}`, "-row", `{"status":"cancelled"}`, "-sink", "bus"}, "not_matched"},
		{"masked", []string{"-table", "public.customers", "-row", `{"id":1,"email":"ann@example.com"}`}, "masked"},
		{"rejected", []string{"-table", "public.outbox", "-row", `{"id":"6ecd8c99-4036-403d-bf84-cf8400f67836","kind":"no topic"}`}, "rejected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := tailrace(t, append(append([]string{"explain", "-offline"}, c.args...), casesDir+"/orders.hcl")...)
			if r.code != done || r.err != "" {
				t.Fatalf("exit code %d: %s", r.code, r.err)
			}
			golden(t, casesDir+"/explain_"+c.file+".golden", r.out)
		})
	}
}

func TestExplainForMachines(t *testing.T) {
	r := tailrace(t, "explain", "-offline", "-json", "-sink", "bus", "-table", "public.orders", "-old", `{"id":1,"status":"new"}`,
		"-row", `{"status":"paid"}`, casesDir)
	var out struct {
		Pipeline string
		Op       string
		Sinks    []struct {
			Sink   string
			Events []struct {
				Type, Topic, Key string
				Data             map[string]any
			}
			Rules []struct {
				Rule    string
				Matched bool
				When    struct {
					Operator string
					Operands []struct {
						Text      string
						Evaluated bool
						Value     any
						Reads     map[string]any
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(r.out), &out); err != nil || r.code != done {
		t.Fatalf("%v, exit code %d: %s", err, r.code, r.err)
	}
	if out.Op != "update" || len(out.Sinks) != 1 || len(out.Sinks[0].Events) != 1 || len(out.Sinks[0].Rules) != 2 {
		t.Fatalf("explained: %+v", out)
	}
	if e := out.Sinks[0].Events[0]; e.Type != "OrderPaid" || e.Topic != "shop.events" || e.Key != "1" || e.Data["order_id"] != 1.0 {
		t.Errorf("event: %+v", e)
	}
	paid, cancelled := out.Sinks[0].Rules[0], out.Sinks[0].Rules[1]
	if !paid.Matched || cancelled.Matched || cancelled.When.Operator != "||" || cancelled.When.Operands[0].Value != false {
		t.Errorf("rules: %+v, %+v", paid, cancelled)
	}
	if o := paid.When.Operands[1]; o.Text != `old.status != "paid"` || o.Value != true || o.Reads["old.status"] != "new" {
		t.Errorf("operand: %+v", o)
	}
}

// TestExplainLive takes the tables and the last row from a real server.
func TestExplainLive(t *testing.T) {
	s := openShop(t)
	file := s.file(t, unusedAddress(t), "public.orders")
	text := strings.Replace(read(t, file), `sink "stdout" "out" {}`, `sink "stdout" "out" {
    event "OrderPaid" {
      table = "public.orders"
      when  = op == "insert" && row.status == "paid"
      key   = row.id
      data  = { id = row.id, status = row.status }
    }
  }`, 1)
	file = place(t, "orders.hcl", text)
	explain := func(args ...string) result {
		return tailraceWith(t, withPassword, "", append(append([]string{"explain", "-table", "public.orders"}, args...), file)...)
	}
	explain("-row", `{"id":4,"status":"paid"}`).expect(t, 0, "event OrderPaid\n    key      4\n", "")
	explain("-last").expect(t, 0, `row.status == "paid"  false          row.status = "new"`, "")
	explain("-last", "-row", `{"status":"paid"}`).expect(t, 0, `op == "insert"        false          op = "update"`, "")
	explain("-last", "-offline").expect(t, 2, "", "leave out -offline")
	r := tailraceWith(t, withPassword, "", "schema", file)
	r.expect(t, 0, `"event": "OrderPaid"`, "")
	r.expect(t, 0, `"title": "OrderPaid"`, "")
	s.server.ExecIn(t, s.name, "DELETE FROM orders")
	explain("-last").expect(t, 2, "", "public.orders is empty")
	broken := place(t, "orders.hcl", strings.Replace(text, "row.status == ", "row.state == ", 1))
	tailraceWith(t, withPassword, "", "explain", "-table", "public.orders", "-row", `{"id":4}`, broken).expect(t, 2, "", `Did you mean "row.status"?`)
}

func TestExplainUsage(t *testing.T) {
	for _, c := range []struct{ args, err string }{
		{"", "-table is missing"},
		{"-table orders -row {}", "is not schema.name"},
		{"-table public.orders", "-row is missing"},
		{"-table public.orders -op move -row {}", `-op "move" is none of`},
		{"-table public.orders -op truncate -row {}", "a truncate has no row"},
		{"-table public.order -row {} -offline", `no pipeline has the table "public.order"; did you mean "public.orders"?`},
		{"-table public.orders -row {} -offline -sink cash", `no pipeline has a sink "cash"`},
		{"-table public.orders -row {} -offline -pipeline order", `did you mean "orders"?`},
		{`-table public.orders -row {"ide":1} -offline`, `Did you mean "id"?`},
		{`-table public.orders -row {"id":"x"} -offline`, `public.orders.id: "x" cannot be a value of type int8`},
		{`-table public.orders -row {"id":1} -offline`, "status has no value"},
		{`-table public.orders -row [1] -offline`, "the row is not a JSON object"},
	} {
		args := append([]string{"explain"}, strings.Fields(c.args)...)
		tailrace(t, append(args, casesDir+"/orders.hcl")...).expect(t, 2, "", c.err)
	}
}

func TestSchema(t *testing.T) {
	r := tailrace(t, "schema", "-offline", casesDir)
	if r.code != done || r.err != "" {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	golden(t, casesDir+"/schema.golden", r.out)
	var all []struct{ Event string }
	r = tailrace(t, "schema", "-offline", "-event", "OrderPaid", "-pipeline", "orders", casesDir)
	if err := json.Unmarshal([]byte(r.out), &all); err != nil || len(all) != 1 || all[0].Event != "OrderPaid" {
		t.Errorf("%v: %s", err, r.out)
	}
	tailrace(t, "schema", "-offline", "-event", "OrderPayed", casesDir).expect(t, 2, "", `did you mean "OrderPaid"?`)
	tailrace(t, "schema", "-offline", "-pipeline", "order", casesDir).expect(t, 2, "", `did you mean "orders"?`)
}
