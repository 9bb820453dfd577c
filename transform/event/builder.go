package event

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
)

// builder makes events in memory that it never reuses: a step does not learn when the Write that got them has returned.
type builder struct {
	in      expr.Input
	texts   transform.Arena
	headers []transform.Header // the rest of its capacity is free
	topics  map[string]string  // by their text
	scratch []byte
}

const (
	headerChunk = 256
	maxTopics   = 1000 // names that are kept
	subject     = "ce_subject"
)

// build returns the event that a change becomes by a rule.
func (b *builder) build(r *compiled) (transform.Event, error) {
	ev := transform.Event{Change: b.in.Change, Suffix: r.rule.name, Type: r.rule.name, HasData: true}
	var err error
	if r.key != nil {
		ev.HasKey = true
		if ev.Key, err = b.text(r.key); err != nil {
			return ev, fmt.Errorf("key: %w", err)
		}
	}
	if ev.ID, err = b.text(r.id); err != nil {
		return ev, fmt.Errorf("id: %w", err)
	}
	if ev.Topic, err = b.topic(r.topic); err != nil {
		return ev, fmt.Errorf("topic: %w", err)
	}
	if ev.Partition, err = b.partition(r.partition); err != nil {
		return ev, fmt.Errorf("partition: %w", err)
	}
	if ev.Headers, err = b.headersOf(r); err != nil {
		return ev, err
	}
	data, err := r.data.AppendJSON(b.texts.Buffer(), &b.in)
	if err != nil {
		return ev, fmt.Errorf("data: %w", err)
	}
	ev.Data = b.texts.Keep(data)
	return ev, nil
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

var errPartition = errors.New("this is not the number of a partition")

// partition returns 1 + the number of the partition; 0 when it is null.
func (b *builder) partition(t *expr.Text) (int32, error) {
	if t == nil {
		return 0, nil
	}
	text, null, err := t.Append(b.scratch[:0], &b.in)
	if err != nil || null {
		return 0, err
	}
	b.scratch = text
	n, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil || n == 1<<31-1 {
		return 0, fmt.Errorf("%w: %.20q", errPartition, text)
	}
	return int32(n) + 1, nil
}

func (b *builder) headersOf(r *compiled) ([]transform.Header, error) {
	most := r.headers.Len() + 1
	if most == 1 && r.subject == nil {
		return nil, nil
	}
	if cap(b.headers)-len(b.headers) < most {
		b.headers = make([]transform.Header, 0, max(headerChunk, most))
	}
	start := len(b.headers)
	list, err := r.headers.Append(b.headers, &b.texts, &b.in)
	if err != nil {
		return nil, err
	}
	value, err := b.text(r.subject)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	if value != nil {
		list = append(list, transform.Header{Name: subject, Value: value})
	}
	b.headers = list
	return list[start:len(list):len(list)], nil
}
