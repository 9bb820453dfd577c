package rules

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
)

// Block is a block of the file as its problems name it.
type Block struct {
	Title string    // as the file has it, such as `event "OrderPaid"`
	At    hcl.Range // its header
}

// String returns the title and the place.
func (b Block) String() string {
	return fmt.Sprintf("%s (%s:%d)", b.Title, b.At.Filename, b.At.Start.Line)
}

// DoesNotFit returns the problem of a table that the block does not fit: the first error of diags. It is nil when they have none.
func (b Block) DoesNotFit(t *capture.Table, diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := b.At
		if d.Subject != nil {
			at = *d.Subject
		}
		return &capture.Problem{
			State: "rule_does_not_fit", Halted: true, Usage: true,
			Reason: fmt.Sprintf("%s does not fit table %s: %s:%d:%d: %s", b.Title, t, at.Filename, at.Start.Line, at.Start.Column, d.Summary),
			Fix:    fixOf(d),
		}
	}
	return nil
}

func fixOf(d *hcl.Diagnostic) string {
	if d.Detail == "" {
		return "correct the block, and restart"
	}
	return d.Detail
}

// Failed returns the error of a change on which an expression of the block has failed. A value that only the evaluation finds to be
// unknown is a problem, because the change may be the first of many; anything else rejects the event.
func (b Block) Failed(c *capture.Change, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, expr.ErrUnknown):
		return &capture.Problem{
			State: "rule_value_unknown", Halted: true, Usage: true,
			Reason: fmt.Sprintf("%s cannot be evaluated on the %s of %s at %s: %v", b, c.Op, c.Table, c.At(), err),
			Fix: fmt.Sprintf("the log does not have the value: run `tailrace check FILE`, and change the block or the replica identity of %s; "+
				"then drop the pipeline and start again, or leave this change out with another `when`", c.Table),
		}
	case errors.Is(err, expr.ErrUnchanged):
		return &transform.Rejection{Reason: "unchanged", Err: fmt.Errorf("%s: %w", b, err)}
	}
	return &transform.Rejection{Reason: "evaluation", Err: fmt.Errorf("%s: %w", b, err)}
}

// Once removes diagnostics that repeat an earlier one for another table or operation.
func Once(diags hcl.Diagnostics) hcl.Diagnostics {
	type place struct {
		at      hcl.Range
		summary string
	}
	seen := map[place]bool{}
	var out hcl.Diagnostics
	for _, d := range diags {
		p := place{summary: d.Summary}
		if d.Subject != nil {
			p.at = *d.Subject
		}
		if !seen[p] {
			seen[p] = true
			out = append(out, d)
		}
	}
	return out
}
