package aggregate

import "github.com/tailrace/tailrace/capture"

// lists are the children of one child block, by the rows that they are joined with.
type lists struct {
	of    *capture.Table // the shape of the children; nil: there are none
	join  *join
	order *order
	byKey map[string]int
	rows  [][][]capture.Value
	list  []int // for each row that has an event, the index into rows; -1: its key is null
}

// joinAll joins the children of the transaction with the rows that have events, by hash.
func (k *collector) joinAll(roots []capture.Change) ([]lists, error) {
	all := make([]lists, len(k.children))
	for i := range k.children {
		s := &k.children[i]
		l := &all[i]
		if l.of = s.shape; l.of == nil {
			continue
		}
		if err := k.compileLists(l, &k.rule.children[i]); err != nil {
			return nil, err
		}
		for n := range roots {
			if err := l.addRoot(&roots[n], s); err != nil {
				return nil, atCommit(&roots[n], k.rule.Failed(err))
			}
		}
		if err := l.addChildren(s); err != nil {
			return nil, atCommit(&roots[0], k.rule.Failed(err))
		}
	}
	return all, nil
}

func (k *collector) compileLists(l *lists, c *child) error {
	root := k.roots.shape
	join, diags := c.compileJoin(root, l.of)
	if err := k.rule.DoesNotFit(root, diags); err != nil {
		return err
	}
	order, diags := c.compileOrder(l.of)
	if err := k.rule.DoesNotFit(l.of, diags); err != nil {
		return err
	}
	l.join, l.order, l.byKey = join, order, map[string]int{}
	return nil
}

// addRoot makes the list of a row, which other rows with the same values share.
func (l *lists) addRoot(c *capture.Change, s *rows) error {
	key, ok, err := appendKey(s.key[:0], l.join.row, c.Row())
	if s.key = key; err != nil || !ok {
		l.list = append(l.list, -1)
		return err
	}
	at, known := l.byKey[string(key)]
	if !known {
		at = len(l.rows)
		l.byKey[string(key)] = at
		l.rows = append(l.rows, nil)
	}
	l.list = append(l.list, at)
	return nil
}

// addChildren adds the children to the lists.
func (l *lists) addChildren(s *rows) error {
	for _, e := range s.list {
		if e == nil {
			continue
		}
		row := e.as(l.of)
		key, ok, err := appendKey(s.key[:0], l.join.child, row)
		if s.key = key; err != nil {
			return err
		}
		if at, known := l.byKey[string(key)]; ok && known {
			l.rows[at] = append(l.rows[at], row)
		}
	}
	if l.order == nil {
		return nil
	}
	for _, rows := range l.rows {
		if err := l.order.sort(rows); err != nil {
			return err
		}
	}
	return nil
}

// children returns the list of row n of those that have events.
func (l *lists) children(n int) [][]capture.Value {
	if l.of == nil || l.list[n] < 0 {
		return nil
	}
	return l.rows[l.list[n]]
}
