package preview

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/daemon"
	"github.com/tailrace/tailrace/transform/rules"
)

// Check reports what of the steps of a pipeline does not fit tables. With some, these are not all tables of the source, so that a step
// may name others.
func Check(p config.Pipeline, tables []*capture.Table, some bool) hcl.Diagnostics {
	return slices.DeleteFunc(daemon.CheckSteps(p, tables), func(d *hcl.Diagnostic) bool {
		_, missing := d.Extra.(rules.Unpublished)
		return missing && some
	})
}
