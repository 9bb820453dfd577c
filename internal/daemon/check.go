package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// Finding is a problem, or something to warn of, that a live check found.
type Finding struct {
	Pipeline string
	Block    string    // `source "postgres"`, `sink "kafka" "bus"`
	Range    hcl.Range // the block's
	Err      error     // a *capture.Problem where it has a name, a *capture.Warning where nothing stands in the way
}

// Warning is what there is to warn of; nil for a problem.
func (f Finding) Warning() *capture.Warning {
	var w *capture.Warning
	if errors.As(f.Err, &w) {
		return w
	}
	return nil
}

// Usage says that a person has to change something: in the file, or in the servers. Else something could not be reached.
func (f Finding) Usage() bool {
	p := capture.AsProblem(f.Err)
	return p != nil && p.Usage
}

// Check looks at the servers of all pipelines, all at the same time, and returns every problem in the order of the
// files. It changes nothing.
func Check(ctx context.Context, f *config.File) []Finding {
	var looks []look
	for _, p := range f.Pipelines {
		looks = append(looks, look{p.Name, p.Source, func() []error {
			return p.Source.Settings.(SourceSettings).Check(ctx, p.Name)
		}})
		for _, b := range p.Sinks {
			looks = append(looks, look{p.Name, b, func() []error {
				return b.Settings.(SinkSettings).Check(ctx, p.Name, b.Name)
			}})
		}
	}
	found := make([][]error, len(looks))
	var all sync.WaitGroup
	for i, l := range looks {
		all.Go(func() { found[i] = l.check() })
	}
	all.Wait()
	var list []Finding
	for i, l := range looks {
		for _, err := range found[i] {
			list = append(list, Finding{Pipeline: l.pipeline, Block: header(l.block), Range: l.block.Range, Err: err})
		}
	}
	return list
}

// look is one block's check.
type look struct {
	pipeline string
	block    config.Block
	check    func() []error
}

func header(b config.Block) string {
	if b.Name == "" {
		return fmt.Sprintf("source %q", b.Kind)
	}
	return fmt.Sprintf("sink %q %q", b.Kind, b.Name)
}
