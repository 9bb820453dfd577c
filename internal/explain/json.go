package explain

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/preview"
	"github.com/tailrace/tailrace/transform/expr"
)

// changeJSON is a change in the sinks of a pipeline, for machines.
type changeJSON struct {
	Pipeline string     `json:"pipeline"`
	Table    string     `json:"table"`
	Op       string     `json:"op"`
	Where    *ruleJSON  `json:"where,omitempty"`
	Sinks    []sinkJSON `json:"sinks"`
}

type sinkJSON struct {
	Kind     string      `json:"kind"`
	Sink     string      `json:"sink"`
	Events   []eventJSON `json:"events"`
	Rejected string      `json:"rejected,omitempty"`
	Halted   string      `json:"halted,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Fix      string      `json:"fix,omitempty"`
	Rules    []ruleJSON  `json:"rules"`
}

type eventJSON struct {
	Type    string            `json:"type"`
	ID      string            `json:"id"`
	Topic   *string           `json:"topic,omitempty"`
	Key     *string           `json:"key"`
	Headers map[string]string `json:"headers,omitempty"`
	Data    any               `json:"data"`
}

type ruleJSON struct {
	Rule    string       `json:"rule"`
	Place   string       `json:"place"`
	Matched bool         `json:"matched"`
	Why     string       `json:"why,omitempty"`
	When    *operandJSON `json:"when,omitempty"`
}

type operandJSON struct {
	Text      string                     `json:"text"`
	Evaluated bool                       `json:"evaluated"`
	Value     json.RawMessage            `json:"value,omitempty"`
	Error     string                     `json:"error,omitempty"`
	Operator  string                     `json:"operator,omitempty"`
	Operands  []operandJSON              `json:"operands,omitempty"`
	Reads     map[string]json.RawMessage `json:"reads,omitempty"`
}

// WriteJSON prints what an operation on a table becomes in a pipeline, as a JSON object on one line.
func WriteJSON(w io.Writer, pipeline string, t *capture.Table, op capture.Op, r Result) {
	out := changeJSON{Pipeline: pipeline, Table: t.String(), Op: op.String(), Sinks: []sinkJSON{}}
	if r.Where != nil {
		out.Where = new(ruleOf(*r.Where))
	}
	for _, s := range r.Sinks {
		one := sinkJSON{Kind: s.Kind, Sink: s.Name, Events: []eventJSON{}, Rules: []ruleJSON{}}
		for i := range s.Events {
			one.Events = append(one.Events, eventOf(&s.Events[i]))
		}
		if s.Stop != nil {
			one.Rejected, one.Halted, one.Reason, one.Fix = s.Stop.Rejected, s.Stop.Halted, s.Stop.Err.Error(), s.Stop.Fix
		}
		for _, r := range s.Rules {
			one.Rules = append(one.Rules, ruleOf(r))
		}
		out.Sinks = append(out.Sinks, one)
	}
	text, _ := json.Marshal(out)
	fmt.Fprintf(w, "%s\n", text)
}

func ruleOf(r Rule) ruleJSON {
	out := ruleJSON{Rule: r.Block.Title, Place: config.Place(r.Block.At), Matched: r.Matched, Why: r.Why}
	if r.When != nil {
		out.When = new(operandOf(*r.When))
	}
	return out
}

func eventOf(e *preview.Event) eventJSON {
	out := eventJSON{Type: e.Type, ID: string(e.ID), Topic: textPointer(e.Topic), Key: textPointer(e.Key)}
	for _, h := range e.Headers {
		if out.Headers == nil {
			out.Headers = map[string]string{}
		}
		out.Headers[h.Name] = string(h.Value)
	}
	if json.Valid(e.Data) {
		out.Data = json.RawMessage(e.Data)
	} else if e.Data != nil {
		out.Data = string(e.Data)
	}
	return out
}

func textPointer(text []byte) *string {
	if text == nil {
		return nil
	}
	return new(string(text))
}

func operandOf(o expr.Operand) operandJSON {
	out := operandJSON{Text: o.Text, Evaluated: o.Evaluated, Error: o.Err, Operator: o.Operator}
	if o.Value != "" {
		out.Value = json.RawMessage(o.Value)
	}
	for _, inner := range o.Operands {
		out.Operands = append(out.Operands, operandOf(inner))
	}
	for _, r := range o.Reads {
		if r.Err != "" {
			continue
		}
		if out.Reads == nil {
			out.Reads = map[string]json.RawMessage{}
		}
		out.Reads[r.Name] = json.RawMessage(r.Value)
	}
	return out
}
