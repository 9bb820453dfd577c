package event

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// builder makes events in memory that it never reuses: a step does not learn when the Write that got them has returned.
type builder struct {
	in       expr.Input
	texts    rules.Texts
	subjects []transform.Header // the rest of its capacity is free
	scratch  []byte
}

// build returns the event that a change becomes by a rule.
func (b *builder) build(r *compiled) (transform.Event, error) {
	ev := transform.Event{Change: b.in.Change, Suffix: r.rule.name, Type: r.rule.name, HasKey: r.key != nil, HasData: true}
	var err error
	if ev.Key, err = b.texts.Bytes(r.key, &b.in); err != nil {
		return ev, fmt.Errorf("key: %w", err)
	}
	if ev.ID, err = b.texts.Bytes(r.id, &b.in); err != nil {
		return ev, fmt.Errorf("id: %w", err)
	}
	if ev.Topic, err = b.texts.Name(r.topic, &b.in); err != nil {
		return ev, fmt.Errorf("topic: %w", err)
	}
	if ev.Partition, err = b.partition(r.partition); err != nil {
		return ev, fmt.Errorf("partition: %w", err)
	}
	if ev.Headers, err = b.headers(r); err != nil {
		return ev, err
	}
	if ev.Data, err = b.texts.JSON(r.data, &b.in); err != nil {
		return ev, fmt.Errorf("data: %w", err)
	}
	return ev, nil
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
	if err != nil || n > maxPartition {
		return 0, errPartition
	}
	return int32(n) + 1, nil
}

const maxPartition = 1<<31 - 2

// subjectHeader is the name by which CloudEvents takes a subject that a block gives.
const subjectHeader = "ce_subject"

const subjectChunk = 256

// headers returns the headers of the block and, as the last one, the subject.
func (b *builder) headers(r *compiled) ([]transform.Header, error) {
	list, err := b.texts.Headers(r.headers, &b.in)
	if err != nil || r.subject == nil {
		return list, err
	}
	value, err := b.texts.Bytes(r.subject, &b.in)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	if value == nil {
		return list, nil
	}
	if cap(b.subjects)-len(b.subjects) < len(list)+1 {
		b.subjects = make([]transform.Header, 0, max(subjectChunk, len(list)+1))
	}
	start := len(b.subjects)
	b.subjects = append(append(b.subjects, list...), transform.Header{Name: subjectHeader, Value: value})
	return b.subjects[start:len(b.subjects):len(b.subjects)], nil
}
