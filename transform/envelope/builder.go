package envelope

import (
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/expr"
	"github.com/tailrace/tailrace/transform/rules"
)

// Builder fills in events, in memory that it never reuses: a step does not learn when the Write that got them has returned. The zero
// Builder is ready to use. One goroutine at a time may use it.
type Builder struct {
	Texts    rules.Texts
	subjects []transform.Header // the rest of its capacity is free
	scratch  []byte
}

// Fill sets what the attributes of a block give an event. What the block does not have stays as it is.
func (b *Builder) Fill(ev *transform.Event, c *Compiled, in *expr.Input) error {
	ev.HasKey = c.hasKey
	if c.hasKey {
		var err error
		if ev.Key, err = b.Texts.Bytes(&c.key, in); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	if c.others == nil {
		return nil
	}
	return b.others(ev, c.others, in)
}

func (b *Builder) others(ev *transform.Event, c *others, in *expr.Input) error {
	var err error
	if ev.ID, err = b.Texts.Bytes(c.id, in); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if len(ev.ID) == 0 { // an id cannot be empty: the event has that of its place in the log
		ev.ID = nil
	}
	kind, err := b.Texts.Name(c.kind, in)
	if err != nil {
		return fmt.Errorf("type: %w", err)
	}
	if kind != "" {
		ev.Type = kind
	}
	if ev.Topic, err = b.Texts.Name(c.topic, in); err != nil {
		return fmt.Errorf("topic: %w", err)
	}
	if ev.Partition, err = b.partition(c.partition, in); err != nil {
		return fmt.Errorf("partition: %w", err)
	}
	ev.Headers, err = b.headers(c, in)
	return err
}

var errPartition = errors.New("this is not the number of a partition")

// partition returns 1 + the number of the partition; 0 when it is null, or the block has none.
func (b *Builder) partition(t *expr.Text, in *expr.Input) (int32, error) {
	if t == nil {
		return 0, nil
	}
	text, null, err := t.Append(b.scratch[:0], in)
	if err != nil || null {
		return 0, err
	}
	b.scratch = text
	n, err := parsePartition(string(text))
	if err != nil {
		return 0, err
	}
	return n + 1, nil
}

// subjectHeader is the name by which CloudEvents takes a subject that a block gives.
const subjectHeader = "ce_subject"

const subjectChunk = 256

// headers returns the headers of the block and, as the last one, the subject.
func (b *Builder) headers(c *others, in *expr.Input) ([]transform.Header, error) {
	list, err := b.Texts.Headers(c.headers, in)
	if err != nil || c.subject == nil {
		return list, err
	}
	value, err := b.Texts.Bytes(c.subject, in)
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
