package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
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
	looks := make([]*look, len(f.Pipelines))
	var all sync.WaitGroup
	for i, p := range f.Pipelines {
		looks[i] = newLook(p)
		all.Go(func() { looks[i].run(ctx) })
	}
	all.Wait()
	var list []Finding
	for _, l := range looks {
		for i, b := range l.blocks {
			for _, err := range l.found[i] {
				list = append(list, Finding{Pipeline: l.pipeline.Name, Block: header(b), Range: b.Range, Err: err})
			}
		}
	}
	return list
}

// look is the check of a pipeline.
type look struct {
	pipeline config.Pipeline
	blocks   []config.Block // the source, then the sinks
	found    [][]error      // of each block
}

func newLook(p config.Pipeline) *look {
	blocks := append([]config.Block{p.Source}, p.Sinks...)
	return &look{pipeline: p, blocks: blocks, found: make([][]error, len(blocks))}
}

// run looks at every block by itself and, when nothing is wrong with any of them, at the sinks' records.
func (l *look) run(ctx context.Context) {
	name := l.pipeline.Name
	var all sync.WaitGroup
	for i, b := range l.blocks {
		all.Go(func() {
			if source, is := b.Settings.(SourceSettings); is && i == 0 {
				l.found[i] = source.Check(ctx, name)
			} else {
				l.found[i] = b.Settings.(SinkSettings).Check(ctx, name, b.Name)
			}
		})
	}
	all.Wait()
	for _, errs := range l.found {
		for _, err := range errs {
			if warning := (*capture.Warning)(nil); !errors.As(err, &warning) {
				return
			}
		}
	}
	l.records(ctx)
}

// records finds the sinks that would halt for want of a record. A first start may have ended between reading a record and the
// slot, so what is missing is read twice.
func (l *look) records(ctx context.Context) {
	missing, err := noRecords(ctx, l.pipeline)
	if err == nil && len(missing) > 0 {
		missing, err = noRecords(ctx, l.pipeline)
	}
	if err != nil {
		l.found[0] = append(l.found[0], err)
	}
	for i, b := range l.pipeline.Sinks {
		if err := missing[b.Name]; err != nil {
			l.found[i+1] = append(l.found[i+1], err)
		}
	}
}

// noRecords judges by the start rule which sinks have no record next to a slot that is older, and says of which sinks the record
// cannot be read.
func noRecords(ctx context.Context, p config.Pipeline) (map[string]error, error) {
	src, err := compareRecords(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	records, err := readRecords(ctx, p, src.Origin)
	if err != nil {
		return nil, err
	}
	defer closeAll(records)
	if src, err = compareRecords(ctx, p, records); err != nil {
		return nil, err
	}
	missing := map[string]error{}
	for _, r := range records {
		if r.err != nil {
			missing[r.known.Name] = r.err
		} else if found := startrule.CheckGap(src, r.known).Problem; found != nil && found.State == startrule.NoRecord {
			missing[r.known.Name] = found
		}
	}
	return missing, nil
}

func header(b config.Block) string {
	if b.Name == "" {
		return fmt.Sprintf("source %q", b.Kind)
	}
	return fmt.Sprintf("sink %q %q", b.Kind, b.Name)
}
