package aggregate

import (
	"fmt"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
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
	texts    transform.Arena
	headers  []transform.Header // the rest of its capacity is free
	topics   map[string]string  // by their text
	scratch  []byte
}

const (
	maxPrograms = 1000 // that are kept for one operation
	maxTopics   = 1000 // names that are kept
	headerChunk = 256
	subject     = "ce_subject"
)

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
	e := transform.Event{Change: c, Suffix: b.rule.name, Type: b.rule.name, HasKey: p.key != nil, HasData: true}
	if err := b.fill(&e, p); err != nil {
		return e, b.rule.Failed(c, err)
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
	if e.Key, err = b.text(p.key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if e.ID, err = b.text(p.id); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if e.Topic, err = b.topic(p.topic); err != nil {
		return fmt.Errorf("topic: %w", err)
	}
	if e.Headers, err = b.headersOf(p); err != nil {
		return err
	}
	data, err := p.data.AppendJSON(b.texts.Buffer(), &b.in)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	e.Data = b.texts.Keep(data)
	return nil
}

// text returns the text of an expression; nil when it is null, or when there is none.
func (b *builder) text(t *expr.Text) ([]byte, error) {
	if t == nil {
		return nil, nil
	}
	out, null, err := t.Append(b.texts.Buffer(), &b.in)
	if err != nil || null {
		return nil, err
	}
	return b.texts.Keep(out), nil
}

// topic returns the name of the topic; "" when it is null.
func (b *builder) topic(t *expr.Text) (string, error) {
	if t == nil {
		return "", nil
	}
	if text, constant := t.Constant(); constant {
		return text, nil
	}
	out, null, err := t.Append(b.scratch[:0], &b.in)
	if err != nil || null {
		return "", err
	}
	b.scratch = out
	name, known := b.topics[string(out)]
	if !known {
		if b.topics == nil || len(b.topics) >= maxTopics {
			b.topics = map[string]string{}
		}
		name = string(out)
		b.topics[name] = name
	}
	return name, nil
}

func (b *builder) headersOf(p *program) ([]transform.Header, error) {
	most := p.headers.Len() + 1
	if most == 1 && p.subject == nil {
		return nil, nil
	}
	if cap(b.headers)-len(b.headers) < most {
		b.headers = make([]transform.Header, 0, max(headerChunk, most))
	}
	start := len(b.headers)
	list, err := p.headers.Append(b.headers, &b.texts, &b.in)
	if err != nil {
		return nil, err
	}
	value, err := b.text(p.subject)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	if value != nil {
		list = append(list, transform.Header{Name: subject, Value: value})
	}
	b.headers = list
	return list[start:len(list):len(list)], nil
}
