// Package raw is the format raw: the payload that a block has set is the value, byte for byte, and nothing is around it.
package raw

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
)

type encoder struct{ shapes format.Shapes }

// New returns the encoder of the format.
func New(o format.Options) format.Encoder { return &encoder{shapes: format.NewShapes(o)} }

// Prepare implements format.Encoder.
func (e *encoder) Prepare(_ context.Context, t *capture.Table) error {
	e.shapes.Prepare(t)
	return nil
}

// Append implements format.Encoder.
func (e *encoder) Append(b *format.Buffer, ev *transform.Event) error {
	s, err := e.shapes.Of(ev.Change)
	if err != nil {
		return err
	}
	if !ev.HasData {
		return fmt.Errorf("%s of %s: %w", ev.Change.Op, ev.Change.Table, format.ErrNoPayload)
	}
	m := b.Mark()
	key, err := b.AppendKey(s, ev)
	if err != nil {
		b.Rewind(m)
		return err
	}
	addHeaders(b, ev.Headers)
	b.Records = append(b.Records, format.Record{
		Key: key, Headers: b.HeadersSince(m), Value: b.Copy(ev.Data), Tombstone: ev.Data == nil,
	})
	return nil
}

// addHeaders copies the headers that a block has set, without attributes of CloudEvents: the record is none.
func addHeaders(b *format.Buffer, headers []transform.Header) {
	for _, h := range headers {
		if !strings.HasPrefix(h.Name, "ce_") {
			b.AddHeader(h.Name, b.Copy(h.Value))
		}
	}
}
