package pipeline

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// maskRows applies the masks of a pipeline to changes that no one else reads yet. Its error is a *capture.Problem: a change that
// cannot be masked goes nowhere.
func maskRows(masks []transform.RowMask, changes []capture.Change) error {
	if len(masks) == 0 {
		return nil
	}
	for i := range changes {
		for _, mask := range masks {
			if err := mask(&changes[i]); err != nil {
				return maskProblem(&changes[i], err)
			}
		}
	}
	return nil
}

func maskProblem(c *capture.Change, err error) *capture.Problem {
	if p := capture.AsProblem(err); p != nil {
		return p
	}
	return &capture.Problem{
		State: "mask_failed", Halted: true, Err: err,
		Reason: fmt.Sprintf("the %s of %s at %s cannot be masked, so nothing of it is buffered", c.Op, c.Table, c.At()),
		Fix:    "change the mask so that it has a value for this row, and restart",
	}
}
