package mask

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
)

// Settings is a mask block.
type Settings struct {
	Table string `hcl:"table,label"`
	// What the columns become: `{ email = hmac(row.email, env("KEY")), phone = null, "Full Name" = "${substr(row.name, 0, 1)}." }`.
	//
	// Value: object
	Columns *config.Expression `hcl:"columns"`
	Range   hcl.Range          `hcl:",range"`
}

// CheckSettings implements config.Checker.
func (s *Settings) CheckSettings(config.Positions) hcl.Diagnostics {
	_, diags := newRule(s)
	return diags
}

// Alters implements verify.Alterer: the block changes rows of a table.
func (s *Settings) Alters(schema, table string) bool {
	r, _ := newRule(s)
	return r.tables.Match(schema, table)
}

// Uses reports whether the block names a table.
func (s *Settings) Uses(schema, table string) bool { return s.Alters(schema, table) }

// CheckNames implements daemon.TableNamer.
func (s *Settings) CheckNames(selects func(schema, table string) bool) hcl.Diagnostics {
	r, _ := newRule(s)
	return r.tables.CheckNames(selects)
}

// CheckTables implements daemon.TableChecker.
func (s *Settings) CheckTables(live []*capture.Table) hcl.Diagnostics {
	r, diags := newRule(s)
	if diags.HasErrors() || !r.complete {
		return nil // it was reported when the file was read, or cannot be known
	}
	return r.tables.CheckEach(live, func(t *capture.Table) hcl.Diagnostics {
		_, problems := r.compile(expr.Shape{Table: t})
		return problems
	})
}

// Mask implements daemon.Masker: in a pipeline block it acts before the window.
func (s *Settings) Mask(at transform.Site, _ *zap.Logger) (transform.RowMask, error) {
	m, err := New(at, s)
	if err != nil {
		return nil, err
	}
	return m.Mask, nil
}

// Step implements daemon.StepSettings: in a sink block it acts on what the sink gets.
func (s *Settings) Step(at transform.Site, _ *zap.Logger) (transform.Func, error) {
	m, err := New(at, s)
	if err != nil {
		return nil, err
	}
	return (&step{masker: m}).apply, nil
}

// step is the step of a block inside a sink. The changes belong to a batch that other sinks share.
type step struct {
	masker  *Masker
	changes []capture.Change // the rest of its capacity is free, and never used again
}

const changeChunk = 128

func (s *step) apply(dst []transform.Event, e transform.Event) ([]transform.Event, error) {
	c := e.Change
	if c.Op == capture.Message || c.Op == capture.Truncate || !e.Plain() {
		return append(dst, e), nil
	}
	if applies, err := s.masker.Applies(c.Table); err != nil || !applies {
		return append(dst, e), err
	}
	if len(s.changes) == cap(s.changes) {
		s.changes = make([]capture.Change, 0, changeChunk)
	}
	s.changes = append(s.changes, *c)
	e.Change = &s.changes[len(s.changes)-1]
	return append(dst, e), s.masker.Mask(e.Change)
}

// New returns the masker of blocks, which it applies in their order.
func New(at transform.Site, blocks ...*Settings) (*Masker, error) {
	m := &Masker{site: at}
	for _, s := range blocks {
		r, diags := newRule(s)
		if diags.HasErrors() {
			return nil, fmt.Errorf("compile %s: %w", r, diags)
		}
		if !r.complete {
			return nil, fmt.Errorf("compile %s: it uses a value that is not known", r)
		}
		m.rules = append(m.rules, r)
	}
	return m, nil
}
