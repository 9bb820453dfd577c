package daemon

import (
	"fmt"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/admin"
	"github.com/tailrace/tailrace/internal/eventview"
	"github.com/tailrace/tailrace/internal/pipeline"
	"github.com/tailrace/tailrace/internal/tail"
)

// rings keep the last events of a pipeline's sinks, by name, over all attempts to run the pipeline. Without a token no one may see
// them: then there are none, and the sinks keep nothing.
type rings map[string]*tail.Ring

func newRings(p config.Pipeline, token config.Secret) rings {
	if token == "" {
		return nil
	}
	r := rings{}
	for _, b := range p.Sinks {
		r[b.Name] = &tail.Ring{}
	}
	return r
}

// tap returns the ring of a sink; nil when there is none.
func (r rings) tap(sink string) pipeline.Tap {
	if ring := r[sink]; ring != nil {
		return ring
	}
	return nil
}

// Tail opens the events of the sinks of the named pipeline.
func (d *daemon) Tail(name string, q admin.TailQuery) (*tail.Tail, error) {
	for _, s := range d.supervisors {
		if s.block.Name == name {
			return s.tail(q)
		}
	}
	return nil, fmt.Errorf("there is no pipeline %q", name)
}

func (s *supervisor) tail(q admin.TailQuery) (*tail.Tail, error) {
	var sources []tail.Source
	for _, b := range s.block.Sinks {
		ring := s.rings[b.Name]
		if ring == nil || q.Sink != "" && q.Sink != b.Name {
			continue
		}
		view, err := eventview.New(s.block.Name, b)
		if err != nil {
			return nil, err
		}
		sources = append(sources, tail.Source{Name: b.Name, Ring: ring, View: view})
	}
	return tail.Open(sources, q.N, q.Follow), nil
}
