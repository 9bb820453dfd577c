package aggregate

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is an aggregate block.
type Settings struct {
	Name        string             `hcl:"name,label"`
	Table       string             `hcl:"table"`
	When        *config.Expression `hcl:"when,optional"`
	Key         *config.Expression `hcl:"key,optional"`
	Data        *config.Expression `hcl:"data"`
	Topic       *config.Expression `hcl:"topic,optional"`
	Headers     *config.Expression `hcl:"headers,optional"`
	ID          *config.Expression `hcl:"id,optional"`
	Subject     *config.Expression `hcl:"subject,optional"`
	OnUnchanged string             `hcl:"on_unchanged,optional"`
	Limit       config.Size        `hcl:"limit,optional"`  // of the data of one event
	Kept        config.Size        `hcl:"memory,optional"` // of the rows of one transaction, and once more of the data of its events
	Children    []ChildSettings    `hcl:"child,block"`
	Range       hcl.Range          `hcl:",range"`

	at config.Positions
}

// ChildSettings is a child block.
type ChildSettings struct {
	Table   string             `hcl:"table,label"`
	As      string             `hcl:"as"`
	Join    *config.Expression `hcl:"join"`
	OrderBy *config.Expression `hcl:"order_by,optional"`
	Range   hcl.Range          `hcl:",range"`

	at config.Positions
}

const (
	defaultLimit  = 1 << 20
	defaultMemory = 64 << 20
)

// NewSettings returns the defaults of a block.
func NewSettings() *Settings { return &Settings{Limit: defaultLimit, Kept: defaultMemory} }

var (
	// eventName is what a name may consist of: it becomes the type of the event, a part of its id, and the label of a metric.
	eventName = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_.-]{0,99}\z`)
	listName  = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]{0,62}\z`)
)

// taken are the names in expressions that a list of children cannot have.
var taken = []string{"child", "local", "old", "op", "row", "source", "table", "tx"}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	s.at = at
	_, diags := newRule(s)
	wrong := func(attribute, summary, detail string) {
		diags = append(diags, rules.Fault(at.At(attribute), summary, detail))
	}
	switch {
	case !eventName.MatchString(s.Name):
		wrong("name", fmt.Sprintf("%q is not the name of an event", s.Name),
			"A name has letters, digits, _, - and dots, begins with a letter, and is at most 100 characters long.")
	case s.Name == transform.SuffixDelete || s.Name == transform.SuffixInsert:
		wrong("name", fmt.Sprintf("an event cannot have the name %q", s.Name),
			"The ids of the two events that a change of key becomes end with it.")
	}
	switch s.OnUnchanged {
	case "", "omit", "reject":
	default:
		wrong("on_unchanged", fmt.Sprintf("on_unchanged is %q", s.OnUnchanged), `Write "omit" or "reject".`)
	}
	if s.Limit <= 0 {
		wrong("limit", "limit is not more than 0", `Write a size such as "1MiB".`)
	}
	if s.Kept < s.Limit {
		wrong("memory", "memory is less than the limit of one event", `Write a size such as "64MiB".`)
	}
	names := map[string]bool{}
	for i := range s.Children {
		c := &s.Children[i]
		if names[c.As] && c.at.Known("as") {
			diags = append(diags, rules.Fault(c.at.At("as"), fmt.Sprintf("there are two lists %q in this aggregate", c.As), "Write another name."))
		}
		names[c.As] = true
	}
	return diags
}

// CheckSettings implements config.Checker.
func (c *ChildSettings) CheckSettings(at config.Positions) hcl.Diagnostics {
	c.at = at
	_, diags := newChild(c)
	switch {
	case !listName.MatchString(c.As):
		diags = append(diags, rules.Fault(at.At("as"), fmt.Sprintf("%q cannot be the name of a list", c.As),
			`A name has letters, digits and _, and begins with a letter or _, such as "lines".`))
	case slices.Contains(taken, c.As):
		diags = append(diags, rules.Fault(at.At("as"), fmt.Sprintf("%q is a name that expressions have already", c.As),
			`Write another one, such as "lines".`))
	}
	return diags
}

// Publishes implements daemon.Publisher.
func (s *Settings) Publishes() bool { return true }

// Memory implements daemon.Memory: the rows of a transaction, and the data of its events.
func (s *Settings) Memory() int64 { return 2 * int64(s.Kept) }

// Topics returns the topic if it is the same for every row.
func (s *Settings) Topics() []string {
	if topic, ok := rules.Constant(s.Topic); ok {
		return []string{topic}
	}
	return nil
}

// Step implements daemon.StepSettings. The daemon calls Collect instead.
func (s *Settings) Step(at transform.Site, log *zap.Logger) (transform.Func, error) {
	step, err := s.Collect(at, log)
	return step.Func, err
}

// Collect implements daemon.Collector.
func (s *Settings) Collect(at transform.Site, _ *zap.Logger) (transform.Step, error) {
	r, diags := newRule(s)
	if diags.HasErrors() {
		return transform.Step{}, fmt.Errorf("compile %s: %w", r, diags)
	}
	if !r.complete {
		return transform.Step{}, fmt.Errorf("compile %s: it uses a value that is not known", r)
	}
	r.site, r.frames = at, &expr.Memory{}
	c := newCollector(r, at.Rules.Add(r.Title, nil))
	return transform.Step{Func: c.apply, Commit: c.commit, Reset: c.reset}, nil
}
