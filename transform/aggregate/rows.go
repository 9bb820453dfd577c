package aggregate

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// rows are rows of one table as the transaction has left them until now, in the order of their first appearance.
type rows struct {
	list    []*entry // nil where a row has gone
	byKey   map[string]int
	used    int64 // bytes, about
	shape   *capture.Table
	columns []int  // of the shape: they identify a row
	key     []byte // scratch
	rule    *rule  // for errors
}

// entry is a row. What follows its image is for a row that may become an event.
type entry struct {
	image
	key    string
	seq    uint64     // of the first change that the condition has admitted
	op     capture.Op // of that change; Delete when the row has gone since
	before image      // the old row of that change, if it has one
}

func newRows(r *rule) rows { return rows{byKey: map[string]int{}, rule: r} }

// see is called before each change of the table.
func (s *rows) see(t *capture.Table) {
	if s.shape != t {
		s.shape, s.columns = t, identity(t)
	}
}

// reset forgets all rows, but not the shape.
func (s *rows) reset() {
	if s.used = 0; len(s.list) > 0 {
		s.list, s.byKey = nil, map[string]int{}
	}
}

// find returns the row that a change is about; nil when it is not among the rows.
func (s *rows) find(c *capture.Change) *entry {
	row, other := c.Before, c.After
	if c.Op == capture.Insert {
		row, other = c.After, nil
	}
	s.key = appendIdentity(s.key[:0], s.columns, row, other)
	if i, known := s.byKey[string(s.key)]; known {
		return s.list[i]
	}
	return nil
}

// put makes the new row of a change (the old one of a delete) the image of e, which is a new row when it is nil.
func (s *rows) put(e *entry, c *capture.Change) (*entry, error) {
	s.key = appendIdentity(s.key[:0], s.columns, c.Row(), c.Before)
	if e == nil || e.key != string(s.key) {
		if err := s.makeRoom(c.Table); err != nil {
			return nil, err
		}
	}
	switch {
	case e == nil:
		e = &entry{key: string(s.key)}
		s.byKey[e.key] = len(s.list)
		s.list = append(s.list, e)
		s.used += rowCost
	case e.key != string(s.key):
		at := s.byKey[e.key]
		delete(s.byKey, e.key)
		e.key = string(s.key)
		s.byKey[e.key] = at
	}
	s.set(&e.image, c.Table, c.Row())
	return e, nil
}

// set sets an image of one of the rows.
func (s *rows) set(m *image, t *capture.Table, row []capture.Value) {
	s.used -= m.cost()
	m.set(t, row)
	s.used += m.cost()
}

// makeRoom makes sure that no row has the key in s.key.
func (s *rows) makeRoom(t *capture.Table) error {
	i, taken := s.byKey[string(s.key)]
	if !taken {
		return nil
	}
	if t.Exchanges(s.columns) {
		return &transform.Rejection{Reason: "aggregate_ambiguous_key", Err: fmt.Errorf("%s: table %s: %w", s.rule, t, errAmbiguous)}
	}
	s.remove(s.list[i]) // an earlier step has dropped its delete
	return nil
}

var errAmbiguous = errors.New("two rows have the same key until the end of a statement or of the transaction, because the constraint is " +
	"deferrable: the log does not tell which of them a later change is about")

// remove removes a row.
func (s *rows) remove(e *entry) {
	const place = 8 // bytes of the list
	s.list[s.byKey[e.key]] = nil
	delete(s.byKey, e.key)
	s.used -= e.cost() + e.before.cost() + rowCost - place
}
