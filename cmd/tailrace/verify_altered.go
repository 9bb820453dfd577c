package main

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/replica/verify"
)

// skips reports whether a table is not compared because a step of the file changes or drops its rows on their way to a sink of a
// pipeline, and tells the user.
func (v *verification) skips(p config.Pipeline, sink string, t verify.Name) bool {
	by := alteredBy(p, sink, t)
	if by == "" {
		return false
	}
	fmt.Fprintf(v.a.err, "%s: not compared: %s changes or drops rows on their way to %s/%s\n", t, by, p.Name, sink)
	return true
}

// alteredBy returns what drops rows of a table at the source, or the first step that may change or drop rows of a table on their way to a sink; "": none does.
func alteredBy(p config.Pipeline, sink string, t verify.Name) string {
	if a, knows := p.Source.Settings.(verify.Alterer); knows && a.Alters(t.Schema, t.Table) {
		return "where of its table block in the source"
	}
	steps := slices.Clone(p.Steps)
	for _, b := range p.Sinks {
		if b.Name == sink {
			steps = append(steps, b.Steps...)
		}
	}
	for _, s := range steps {
		if a, knows := s.Settings.(verify.Alterer); !knows || a.Alters(t.Schema, t.Table) {
			return s.String()
		}
	}
	return ""
}
