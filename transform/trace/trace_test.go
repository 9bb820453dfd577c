package trace_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/trace"
)

const (
	id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	parent   = "00-" + id + "-" + span + "-01"
)

func TestValid(t *testing.T) {
	for text, want := range map[string]bool{
		parent:                                       true,
		"00-" + id + "-" + span + "-ff":              true,
		"01-" + id + "-" + span + "-01":              true,
		"cc-" + id + "-" + span + "-01-what-is-more": true,

		"":                                 false,
		parent + "-x":                      false, // version 00 ends there
		parent[:54]:                        false,
		"cc-" + id + "-" + span + "-01x":   false,
		"cc-" + id + "-" + span + "-01-\n": false,
		"ff-" + id + "-" + span + "-01":    false,
		"0-" + id + "-" + span + "-0100":   false,
		"00_" + id + "-" + span + "-01":    false,
		"00-" + id + "_" + span + "-01":    false,
		"00-" + id + "-" + span + "_01":    false,
		"00-" + id + "-" + span + "-0g":    false,
		strings.ToUpper(parent):            false,

		"00-" + strings.Repeat("0", 32) + "-" + span + "-01": false,
		"00-" + id + "-" + strings.Repeat("0", 16) + "-01":   false,
		"00-" + strings.Repeat("é", 16) + "-" + span + "-01": false,
	} {
		if got := trace.Valid([]byte(text)); got != want {
			t.Errorf("%q is valid: %v", text, got)
		}
	}
}

func TestValidState(t *testing.T) {
	many := strings.Repeat("a=1,", 32)
	for text, want := range map[string]bool{
		"congo=t61rcWkgMzE":                     true,
		"rojo=00f067aa0ba902b7,congo=t61rcWkgM": true,
		"a=1, ,b=2\t,":                          true,
		"tenant@vendor=x y":                     true,
		"0a_-*/=!~":                             true,
		many:                                    true,
		strings.Repeat("k", 256) + "=" + strings.Repeat("v", 256): true,

		"":                              false,
		" , ":                           false,
		"a":                             false,
		"a=":                            false,
		"=1":                            false,
		"A=1":                           false,
		"@a=1":                          false,
		"a@b@c=1":                       false,
		"a=b=c":                         false,
		"a=\n":                          false,
		"a=é":                           false,
		many + "b=1":                    false,
		strings.Repeat("k", 257) + "=1": false,
		"a=" + strings.Repeat("v", 257): false,
	} {
		if got := trace.ValidState([]byte(text)); got != want {
			t.Errorf("%.40q is valid: %v", text, got)
		}
	}
}

func printed(headers []transform.Header) string {
	var all []string
	for _, h := range headers {
		all = append(all, h.Name+"="+string(h.Value))
	}
	return strings.Join(all, " ")
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct{ annotations, want string }{
		{"", ""},
		{`{}`, ""},
		{`{"user":"eve"}`, ""},
		{`{"traceparent":"` + parent + `"}`, "traceparent=" + parent},
		{`{"tracestate":"a=1","traceparent":"` + parent + `","user":"eve"}`, "traceparent=" + parent + " tracestate=a=1"},
		{`{"traceparent":"` + parent + `","tracestate":"A"}`, "traceparent=" + parent},
		{`{"traceparent":"` + parent + `","tracestate":null}`, "traceparent=" + parent},
		{`{"traceparent":"\u0030` + parent[1:] + `"}`, "traceparent=" + parent},
		{`{"TraceParent":"` + parent + `"}`, ""},
		{`{"traceparent":null}`, ""},
		{`{"traceparent":7,"tracestate":"a=1"}`, ""},
		{`{"traceparent":["` + parent + `"]}`, ""},
		{`{"traceparent":"00","tracestate":"a=1"}`, ""},
	} {
		var annotations []byte
		if c.annotations != "" {
			annotations = []byte(c.annotations)
		}
		if got := printed(trace.Headers(annotations)); got != c.want {
			t.Errorf("%s: %q, want %q", c.annotations, got, c.want)
		}
	}
}

func pass(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	return append(dst, e), nil
}

// Events of a transaction with a trace get its headers, unless they have a trace of their own. Nothing leaks into another transaction,
// nor into the part of the transaction before the annotation.
func TestStep(t *testing.T) {
	plain := &capture.Tx{LSN: 8}
	traced := *plain
	traced.Annotations = []byte(`{"traceparent":"` + parent + `","tracestate":"a=1"}`)
	other := &capture.Tx{LSN: 16, Annotations: []byte(`{"user":"eve"}`)}
	own := []transform.Header{{Name: trace.Parent, Value: []byte("mine")}}
	tenant := make([]transform.Header, 1, 8)
	tenant[0] = transform.Header{Name: "tenant", Value: []byte("t")}
	step := trace.Step(pass)
	for i, c := range []struct {
		tx      *capture.Tx
		headers []transform.Header
		want    string
	}{
		{plain, nil, ""},
		{&traced, nil, "traceparent=" + parent + " tracestate=a=1"},
		{&traced, own, "traceparent=mine"},
		{&traced, tenant, "tenant=t traceparent=" + parent + " tracestate=a=1"},
		{plain, tenant, "tenant=t"},
		{other, nil, ""},
		{&traced, nil, "traceparent=" + parent + " tracestate=a=1"},
	} {
		out, err := step(nil, transform.Event{Change: &capture.Change{Tx: c.tx}, Headers: c.headers})
		if err != nil || len(out) != 1 {
			t.Fatalf("%d: %v, %v", i, out, err)
		}
		if got := printed(out[0].Headers); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
	if got := printed(tenant[:2]); got != "tenant=t =" {
		t.Errorf("the memory of a block's headers was written to: %q", got)
	}
}

func TestStepAllocs(t *testing.T) {
	annotated := &capture.Tx{LSN: 8, Annotations: []byte(`{"traceparent":"` + parent + `"}`)}
	for _, tx := range []*capture.Tx{{LSN: 16}, annotated} {
		step, dst, c := trace.Step(pass), make([]transform.Event, 0, 1), &capture.Change{Tx: tx}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := step(dst, transform.Event{Change: c}); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per event", tx.Annotations, n)
		}
	}
}
