package explain

import (
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/config"
)

// tableUser are the settings of steps that name tables.
type tableUser interface {
	// Uses reports whether the step names a table, by itself or by a wildcard.
	Uses(schema, table string) bool
}

// Used returns the tables that the steps of a pipeline and of its sinks name. Without a step that names any, these are all tables.
func Used(p config.Pipeline, tables []*capture.Table) []*capture.Table {
	var users []tableUser
	steps := slices.Clone(p.Steps)
	for _, s := range p.Sinks {
		steps = append(steps, s.Steps...)
	}
	for _, s := range steps {
		if u, can := s.Settings.(tableUser); can {
			users = append(users, u)
		}
	}
	used := slices.DeleteFunc(slices.Clone(tables), func(t *capture.Table) bool {
		return !slices.ContainsFunc(users, func(u tableUser) bool { return u.Uses(t.Schema, t.Name) })
	})
	if len(used) == 0 {
		return tables
	}
	return used
}
