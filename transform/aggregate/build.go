package aggregate

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
)

// builder makes the events of a rule, in memory that it never reuses.
type builder struct {
	rule     *rule
	programs [len(operations)]map[*capture.Table]*program
	table    *capture.Table // of the transaction's rows
	lists    []lists        // of the transaction's children
	of       []*capture.Table
	in       expr.Input
	envelope envelope.Builder
}

// maxPrograms limits how many programs are kept for one operation, so that those of shapes that are no longer used do not accumulate.
const maxPrograms = 1000

func newBuilder(r *rule) builder {
	return builder{rule: r, in: expr.Input{Children: map[string][][]capture.Value{}}}
}

// begin begins the events of a transaction.
func (b *builder) begin(t *capture.Table, children []lists) {
	b.table, b.lists, b.of = t, children, nil
	for i := range children {
		b.of = append(b.of, children[i].of)
	}
}

// end forgets the transaction.
func (b *builder) end() {
	b.lists, b.in.Change = nil, nil
	clear(b.in.Children)
}

// build returns the event of row n of the transaction.
func (b *builder) build(c *capture.Change, n int) (transform.Event, error) {
	p, err := b.program(c.Op)
	if err != nil {
		return transform.Event{}, err
	}
	b.in.Change = c
	for i := range b.lists {
		b.in.Children[b.rule.children[i].as] = b.lists[i].children(n)
	}
	e := transform.Event{Change: c, Suffix: b.rule.name, Type: b.rule.name, HasData: true}
	if err := b.fill(&e, p); err != nil {
		return e, b.rule.Failed(err)
	}
	return e, nil
}

// program returns what is compiled for an operation, for the shapes of the transaction.
func (b *builder) program(op capture.Op) (*program, error) {
	if p := b.programs[op][b.table]; p != nil && slices.Equal(p.of, b.of) {
		return p, nil
	}
	p, diags := b.rule.compile(b.table, op, b.of)
	if err := b.rule.DoesNotFit(b.table, diags); err != nil {
		return nil, err
	}
	if b.programs[op] == nil || len(b.programs[op]) >= maxPrograms {
		b.programs[op] = map[*capture.Table]*program{}
	}
	b.programs[op][b.table] = p
	return p, nil
}

func (b *builder) fill(e *transform.Event, p *program) (err error) {
	if err = b.envelope.Fill(e, p.parts, &b.in); err != nil {
		return err
	}
	if e.Data, err = b.envelope.Texts.JSON(p.data, &b.in); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return nil
}
