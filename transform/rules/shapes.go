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
