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

// Usable returns the error of a block that cannot be compiled: it has problems, or uses a value that is not known because the check is
// offline.
func (b Block) Usable(complete bool, diags hcl.Diagnostics) error {
	switch {
	case diags.HasErrors():
		return fmt.Errorf("compile %s: %w", b, diags)
	case !complete:
		return fmt.Errorf("compile %s: it uses a value that is not known", b)
	}
	return nil
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

// Failed returns the error of a change on which an expression of the block has failed: a problem as it is, because the change may be
// the first of many; any other error rejects the event.
func (b Block) Failed(err error) error {
	if err == nil || capture.AsProblem(err) != nil {
		return err
	}
	reason := "evaluation"
	if errors.Is(err, expr.ErrUnchanged) {
		reason = "unchanged"
	}
	return &transform.Rejection{Reason: reason, Err: fmt.Errorf("%s: %w", b, err)}
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
