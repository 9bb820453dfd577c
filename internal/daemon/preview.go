package daemon

import (
	"fmt"

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

// NewPreview builds the masks and the chain of a sink as for a daemon. tables are the shapes of the source's tables.
func NewPreview(p config.Pipeline, sink config.Block, tables []*capture.Table, log *zap.Logger) (Preview, error) {
	site := siteOf(p, sink, tables)
	site.Delete = func(*capture.Change) {}
	v := Preview{Rules: site.Rules, Messages: readsMessages(stepsOf(p, sink))}
	var err error
	if v.Masks, err = buildMasks(p, tables, log); err != nil {
		return v, err
	}
	if v.Chain, err = buildChain(p, sink, site, log); err != nil {
		return v, fmt.Errorf("%s: %w", header(sink), err)
	}
	return v, nil
}
