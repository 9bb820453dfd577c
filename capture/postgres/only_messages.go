package postgres

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/tailrace/tailrace/config"
)

// UsePipeline implements config.PipelineUser. A source may name no tables if its sinks publish logical messages and nothing else: the
// stream carries them with an empty publication too.
func (s *Settings) UsePipeline(p config.Pipeline) hcl.Diagnostics {
	if s.noTables == nil || onlyMessages(p) {
		return nil
	}
	return hcl.Diagnostics{mistake(*s.noTables, "no tables are named", `Name some, as "public.orders" or "public.*", or set manage = false `+
		"to take what the publication publishes. A pipeline needs none if all blocks of its sinks are messages blocks.")}
}

// onlyMessages reports whether every sink has blocks, and all of them turn logical messages into events.
func onlyMessages(p config.Pipeline) bool {
	other := func(s config.Step) bool {
		m, can := s.Settings.(interface{ ReadsMessages() bool })
		return !can || !m.ReadsMessages()
	}
	return !slices.ContainsFunc(p.Steps, other) && !slices.ContainsFunc(p.Sinks, func(sink config.Block) bool {
		return len(sink.Steps) == 0 || slices.ContainsFunc(sink.Steps, other)
	})
}
