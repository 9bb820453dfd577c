package rules

import "github.com/tailrace/tailrace/capture"

// maxShapes limits how many shapes of tables a step keeps, so that shapes that are no longer used do not accumulate.
const maxShapes = 20_000

// Shapes keeps what a step has compiled for each shape of a table. The zero value is ready to use. One goroutine at a time may use
// it.
type Shapes[T any] struct {
	last    *capture.Table
	current T
	all     map[*capture.Table]T
}

// Of returns what compile has returned for a shape. compile is called once per shape, and again after an error.
func (s *Shapes[T]) Of(t *capture.Table, compile func(*capture.Table) (T, error)) (T, error) {
	if t == s.last {
		return s.current, nil
	}
	compiled, found := s.all[t]
	if !found {
		var err error
		if compiled, err = compile(t); err != nil {
			return compiled, err
		}
		if s.all == nil || len(s.all) >= maxShapes {
			s.all = map[*capture.Table]T{}
		}
		s.all[t] = compiled
	}
	s.last, s.current = t, compiled
	return compiled, nil
}

// Operations are those that change a row, or give one that is there at a first start.
var Operations = [...]capture.Op{capture.Insert, capture.Update, capture.Delete, capture.Read}

// Later returns the columns that the live table has and an older shape of it lacks, with their types; nil when there are none. live
// are the shapes of the live tables.
func Later(t *capture.Table, live []*capture.Table) map[string]*capture.Type {
	var later map[string]*capture.Type
	for _, now := range live {
		if now.Schema != t.Schema || now.Name != t.Name {
			continue
		}
		for i := range now.Columns {
			if c := &now.Columns[i]; t.Column(c.Name) < 0 {
				if later == nil {
					later = map[string]*capture.Type{}
				}
				later[c.Name] = c.Type
			}
		}
	}
	return later
}
