package admin

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
)

// Whatever a daemon sends, nothing of it moves the cursor of a terminal.
func TestPrintedTail(t *testing.T) {
	evil := "a\x1b[31m\r\n\u202eb"
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	halted := pipeline.State{Name: "rejected", Kind: pipeline.Halted, Reason: evil, Fix: "first\nsecond" + evil}
	var out, stderr bytes.Buffer
	p := TailPrinter{Out: &out, States: &stderr, Pipeline: "orders"}
	for _, l := range []TailLine{
		{Skipped: 12, Sink: evil},
		{Event: &tail.Event{
			Sink: "bus", Topic: evil, Table: evil, Type: evil, LSN: "0/100", Seq: 3, Key: &evil, Time: &at, Op: "insert",
			Headers: map[string]*string{evil: &evil, "none": nil}, Data: json.RawMessage(`{"a":1,` + "\n" + `"b":"` + "\u202e" + `"}`),
			Omitted: map[string]int{evil: 20_000}, Rejected: &tail.Rejection{Reason: evil, Error: evil}, Problem: evil,
		}},
		{Event: &tail.Event{Sink: "bus", Table: "public.t", Type: "public.t.insert", Op: "insert", DataBase64: []byte{1, 2}}},
		{State: &TailState{Sink: "bus", Role: pipeline.Active, State: halted}},
		{State: &TailState{Role: pipeline.Standby, State: pipeline.State{Kind: pipeline.OK, Reason: "PID 7"}}},
		{State: &TailState{Role: pipeline.Active, State: pipeline.State{Name: "streaming", Kind: pipeline.OK}}},
	} {
		if err := p.Print(nil, &l); err != nil {
			t.Fatal(err)
		}
	}
	quoted := `"a\x1b[31m\r\n\u202eb"`
	want := quoted + ": 12 events not shown\n" +
		"03:04:05.678 bus  " + `"a\x1b[31m\r\n\u202eb (insert a\x1b[31m\r\n\u202eb)"` + "  topic " + quoted + "  key " + quoted + "  at 0/100+3\n" +
		"  rejected, " + quoted + ": " + quoted + "\n  header " + quoted + ": " + quoted + "\n  header none: null\n" +
		`  {"a":1,"b":"\u202e"}` + "\n  omitted: " + quoted + " (" + Size(20_000) + ")\n  not shown completely: " + quoted + "\n" +
		"bus  insert public.t  at +0\n  2 bytes of data that is no text\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `"orders/bus: HALTED rejected: a\x1b[31m\r\n\u202eb"` + "\n    first\n    " + `"seconda\x1b[31m\r"` + "\n    " + `"\u202eb"` + "\n" +
		"orders: standby: another daemon is active, and has the events: PID 7\norders: streaming\n"
	if got := stderr.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEscapeControls(t *testing.T) {
	for text, want := range map[string]string{
		"{\"a\":\"plain é\"}\n": "{\"a\":\"plain é\"}\n",
		"\"\u009b31m\"":         `"\u009b31m"`,
		"\"\x7f\u202e\u2066\"":  `"\u007f\u202e\u2066"`,
		"\"\x9b\x1b\"":          `"\ufffd\u001b"`,
	} {
		got := EscapeControls([]byte(text))
		if string(got) != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if !json.Valid(got) {
			t.Errorf("%q is not JSON", got)
		}
	}
}
