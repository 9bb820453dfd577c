package event

import (
	"fmt"

	"github.com/tailrace/tailrace/transform"
	"github.com/tailrace/tailrace/transform/envelope"
	"github.com/tailrace/tailrace/transform/expr"
)

// builder makes events, in memory that it never reuses.
type builder struct {
	in       expr.Input
	envelope envelope.Builder
}

// build returns the event that a change becomes by a rule.
func (b *builder) build(r *compiled) (transform.Event, error) {
	ev := transform.Event{Change: b.in.Change, Suffix: r.name, Type: r.name, HasData: true}
	err := b.envelope.Fill(&ev, &r.parts, &b.in)
	if err != nil {
		return ev, err
	}
	if ev.Data, err = b.envelope.Texts.JSON(&r.data, &b.in); err != nil {
		return ev, fmt.Errorf("data: %w", err)
	}
	return ev, nil
}
