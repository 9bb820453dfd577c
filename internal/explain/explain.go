package explain

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/eventtest/preview"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Sink is what a change becomes in one sink.
type Sink struct {
	Kind, Name string
	Events     []preview.Event
	Stop       *preview.Stop // nil: nothing stops the sink
	Rules      []Rule        // those of the change's table, in the order of the file
}

// Rule is what a block with a condition has made of the change.
type Rule struct {
	Block   rules.Block
	Matched bool
	Why     string        // it has not matched; "": the condition shows it
	When    *expr.Operand // the condition; nil: the block has none, or was not asked
}

// conditional are the settings of steps with a condition.
type conditional interface{ Condition() rules.Condition }

// Result is what a change becomes in a pipeline.
type Result struct {
	Where *Rule  // the condition of the table that the source applies first; nil: there is none
	Sinks []Sink // none when Where drops the change
}

// Explain sends the change through the source's row filter, and then through the sinks of a pipeline, or through one of them. tables
// are the shapes of the source's tables.
func Explain(p config.Pipeline, sink string, tables []*capture.Table, r Request) (Result, error) {
	var all Result
	c, err := r.change()
	if err != nil {
		return all, err
	}
	if all.Where, err = explainWhere(p, &c); err != nil || all.Where != nil && !all.Where.Matched {
		return all, err
	}
	for _, block := range p.Sinks {
		if sink != "" && block.Name != sink {
			continue
		}
		s, err := explainSink(p, block, tables, c)
		if err != nil {
			return all, err
		}
		all.Sinks = append(all.Sinks, s)
	}
	return all, nil
}

func explainSink(p config.Pipeline, block config.Block, tables []*capture.Table, c capture.Change) (Sink, error) {
	s := Sink{Kind: block.Kind, Name: block.Name}
	v, err := preview.New(p, block, tables)
	if err != nil {
		return s, err
	}
	s.Events, s.Stop = v.Apply([]capture.Change{c})
	seen, err := v.Masked(c)
	if err != nil {
		return s, nil // the sink has stopped there
	}
	counters := map[string]*transform.Rule{}
	for _, r := range v.Rules() {
		counters[r.Name] = r
	}
	for _, step := range slices.Concat(p.Steps, block.Steps) {
		settings, can := step.Settings.(conditional)
		if !can {
			continue
		}
		if cond := settings.Condition(); cond.Tables.Match(c.Table.Schema, c.Table.Name) {
			s.Rules = append(s.Rules, explainRule(cond, counters[cond.Title], p.Name, seen))
		}
	}
	return s, nil
}

// explainRule tells whether a rule has matched the change, which the masks have changed, and why not.
func explainRule(cond rules.Condition, counter *transform.Rule, pipeline string, c capture.Change) Rule {
	r := Rule{Block: cond.Block}
	if counter != nil {
		r.Matched = counter.Matched.Load() > 0
		if counter.Seen.Load() == 0 {
			r.Why = "the change did not reach it: a block before it has dropped the change or stopped the sink"
			return r
		}
	}
	if cond.When == nil {
		if !r.Matched {
			r.Why = "it makes nothing of " + article(c.Op) + " " + c.Op.String()
		}
		return r
	}
	o := cond.When.Explain(expr.Shape{Table: c.Table, Op: c.Op, Pipeline: pipeline}, &expr.Input{Change: &c})
	r.When = &o
	return r
}

func article(op capture.Op) string {
	if op == capture.Insert || op == capture.Update {
		return "an"
	}
	return "a"
}
