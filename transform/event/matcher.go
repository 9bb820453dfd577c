package event

import (
	"cmp"
	"slices"

	"github.com/tailrace/tailrace/capture"
)

// matcher finds the rules that a row can match. The zero matcher finds none.
type matcher struct {
	one  *compiled // the only rule; its condition is all that decides
	many *indexed  // nil: there is one rule, or none
}

// newMatcher returns the matcher of rules that are compiled for one shape and operation, in order.
func newMatcher(list []*compiled) matcher {
	switch len(list) {
	case 0:
		return matcher{}
	case 1:
		return matcher{one: list[0]}
	}
	return matcher{many: newIndexed(list)}
}

// indexed is several rules, found by the texts that they require.
type indexed struct {
	always  []*compiled // in order
	indexes []index
}

// index is the rules that each require a text of one column.
type index struct {
	column int
	all    []*compiled // in order
	byText map[string][]*compiled
	only   string // the text if all rules require the same one
}

func newIndexed(list []*compiled) *indexed {
	texts := make([]map[int]string, len(list)) // what each rule requires, by column
	count := map[int]int{}                     // of the rules, by column
	for i, c := range list {
		texts[i] = c.requires()
		for column := range texts[i] {
			count[column]++
		}
	}
	m := &indexed{}
	for i, c := range list {
		column, text, found := mostUsed(texts[i], count)
		if !found {
			m.always = append(m.always, c)
			continue
		}
		at := slices.IndexFunc(m.indexes, func(x index) bool { return x.column == column })
		if at < 0 {
			at = len(m.indexes)
			m.indexes = append(m.indexes, index{column: column, byText: map[string][]*compiled{}, only: text})
		}
		x := &m.indexes[at]
		x.all, x.byText[text] = append(x.all, c), append(x.byText[text], c)
	}
	return m
}

// requires returns the texts that the columns of a row need for the rule to match.
func (c *compiled) requires() map[int]string {
	texts := map[int]string{}
	if c.conditional {
		for _, e := range c.when.Requires() {
			texts[e.Column] = e.Text
		}
	}
	return texts
}

// mostUsed returns the column of texts that most rules require a text of; the first of several. found is false if texts is empty.
func mostUsed(texts map[int]string, count map[int]int) (column int, text string, found bool) {
	for i, t := range texts {
		if n := count[i]; !found || n > count[column] || n == count[column] && i < column {
			column, text, found = i, t, true
		}
	}
	return column, text, found
}

// candidates appends the rules that may match a row to dst, in order. No other rule matches it.
func (m *indexed) candidates(dst []*compiled, row []capture.Value) []*compiled {
	dst = append(dst, m.always...)
	sources := min(len(dst), 1)
	for i := range m.indexes {
		found := m.indexes[i].find(row)
		if len(found) > 0 {
			dst = append(dst, found...)
			sources++
		}
	}
	if sources > 1 {
		slices.SortFunc(dst, func(a, b *compiled) int { return cmp.Compare(a.order, b.order) })
	}
	return dst
}

// find returns the rules that a row may match. Where the value is not known, it is left to the conditions.
func (x *index) find(row []capture.Value) []*compiled {
	if x.column >= len(row) {
		return x.all
	}
	switch v := row[x.column]; v.Kind {
	case capture.Text:
		if len(x.byText) > 1 {
			return x.byText[string(v.Bytes)]
		}
		if string(v.Bytes) == x.only {
			return x.all
		}
		return nil
	case capture.Null:
		return nil
	}
	return x.all
}
