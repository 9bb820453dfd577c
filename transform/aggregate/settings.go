package aggregate

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Settings is an aggregate block.
type Settings struct {
	Name string `hcl:"name,label"`
	// `schema.table`, one table, which has a key.
	Table string `hcl:"table"`
	// Which changes of the row give an event. It knows no children.
	//
	// Default: every insert, update and delete
	When *config.Expression `hcl:"when,optional"`
	envelope.Settings
	// Of `data`. A larger event is rejected (`aggregate_too_large`).
	Limit config.Size `hcl:"limit,optional"`
	// Of the rows of one transaction, and as much again for the data of its events. Events of a larger transaction are rejected
	// (`aggregate_memory`).
	Kept     config.Size     `hcl:"memory,optional"`
	Children []ChildSettings `hcl:"child,block"`
	Range    hcl.Range       `hcl:",range"`

	at config.Positions
}

// ChildSettings is a child block.
type ChildSettings struct {
	Table string `hcl:"table,label"`
	// The name of the list of these rows.
	As string `hcl:"as"`
	// Which children a row has: `child.order_id == row.id`, several joined by `&&`. A null is equal to nothing.
	//
	// Value: equalities
	Join *config.Expression `hcl:"join"`
	// `child.position`: an integer, a uuid, or a text byte by byte. Nulls are last.
	//
	// Value: column
	//
	// Default: their first changes in the transaction
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

var listName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]{0,62}\z`)

// taken are the names in expressions that a list of children cannot have.
var taken = []string{"child", "local", "old", "op", "row", "source", "table", "tx"}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(at config.Positions) hcl.Diagnostics {
	s.at = at
	_, diags := newRule(s)
	diags = append(diags, s.Check(s.Name, at)...)
	wrong := func(attribute, summary, detail string) {
		diags = append(diags, rules.Fault(at.At(attribute), summary, detail))
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

// Memory implements daemon.Memory: the rows of a transaction, and the data of its events.
func (s *Settings) Memory() int64 { return 2 * int64(s.Kept) }

// Step implements daemon.StepSettings. The daemon calls Collect instead.
func (s *Settings) Step(at transform.Site, log *zap.Logger) (transform.Func, error) {
	step, err := s.Collect(at, log)
	return step.Func, err
}

// Collect implements daemon.Collector.
func (s *Settings) Collect(at transform.Site, _ *zap.Logger) (transform.Step, error) {
	r, diags := newRule(s)
	if err := r.Usable(r.complete, diags); err != nil {
		return transform.Step{}, err
	}
	r.site, r.frames = at, &expr.Memory{}
	c := newCollector(r, at.Rules.Add(r.Title, nil))
	return transform.Step{Func: c.apply, Commit: c.commit, Reset: c.reset}, nil
}
