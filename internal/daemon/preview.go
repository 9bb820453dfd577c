package daemon

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/transform"
)

// Preview is how a daemon transforms the changes of a pipeline for one of its sinks. It contacts no server, and one goroutine at a
// time may use it.
type Preview struct {
	Masks    []transform.RowMask // they come first, and change a change in place
	Chain    *transform.Chain
	Rules    *transform.Rules // the counters of the chain's rules
	Messages bool             // the chain gets logical messages
}

// NewPreview builds the masks and the chain of a sink as for a daemon.
func NewPreview(p config.Pipeline, sink config.Block, log *zap.Logger) (Preview, error) {
	v := Preview{Rules: &transform.Rules{}, Messages: readsMessages(stepsOf(p, sink))}
	var err error
	if v.Masks, err = buildMasks(p, log); err != nil {
		return v, err
	}
	if v.Chain, err = buildChain(p, sink, v.Rules, log); err != nil {
		return v, fmt.Errorf("%s: %w", header(sink), err)
	}
	return v, nil
}

// CheckSteps reports what of the steps of a pipeline and of its sinks does not fit tables.
func CheckSteps(p config.Pipeline, tables []*capture.Table) hcl.Diagnostics {
	var diags hcl.Diagnostics
	check := func(steps []config.Step) {
		for _, s := range steps {
			if c, can := s.Settings.(TableChecker); can {
				diags = append(diags, c.CheckTables(tables)...)
			}
		}
	}
	check(p.Steps)
	for _, sink := range p.Sinks {
		check(sink.Steps)
	}
	return diags
}
