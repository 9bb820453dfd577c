package kafka

import (
	"context"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/sink/kafka/wire"
	"github.com/tailrace/tailrace/transform"
)

// How much of a key and of the name of a topic an error shows, in bytes. A name that a row has chosen may be of any length.
const (
	maxKeyShown   = 100
	maxTopicShown = 249
)

// reject handles an event that its topic can never accept: it writes a record with the reason to the dead letter
// topic, or returns the error that halts the lane.
func (w *Writer) reject(ctx context.Context, e *transform.Event, topic string, why *sink.Rejected) error {
	key := w.keyOf(e)
	why.At, why.Table, why.Key = e.Change.At(), e.Change.Table.String(), shortenTo(maxKeyShown, string(key))
	if w.sink.deadLetter == "" || topic == w.sink.deadLetter {
		return why
	}
	dead, err := w.topic(ctx, w.sink.deadLetter, true)
	if err != nil {
		return err
	}
	r := format.Record{Key: key, Headers: []transform.Header{
		{Name: "tailrace_reason", Value: []byte(why.Reason)},
		{Name: "tailrace_error", Value: []byte(why.Err.Error())},
		{Name: "tailrace_topic", Value: []byte(shortenTo(maxTopicShown, topic))},
		{Name: "tailrace_table", Value: []byte(why.Table)},
		{Name: "tailrace_position", Value: []byte(why.At.String())},
		{Name: "tailrace_op", Value: []byte(e.Change.Op.String())},
	}}
	if recordSize(&r)+wire.BatchHead > dead.limit { // then the key is too large
		r.Key = nil
	}
	w.stage(dead, &transform.Event{Change: &capture.Change{Table: e.Change.Table}}, &r)
	w.sink.counters.rejected.Add(1)
	if w.lane.Diverted != nil {
		w.lane.Diverted(sink.Diverted{Event: e, Why: why})
	}
	w.log().Warn("event goes to the dead letter topic", zap.String("dead_letter", dead.name), zap.String("topic", shortenTo(maxTopicShown, topic)),
		zap.String("table", why.Table), zap.Stringer("position", why.At), zap.String("reason", why.Reason))
	return nil
}

// keyOf returns the key that the event would have, nil when it has none or none can be encoded. Only the columns of
// the key are encoded, so the cost does not depend on the value that is too large.
func (w *Writer) keyOf(e *transform.Event) []byte {
	if e.HasKey {
		return append([]byte(nil), e.Key...)
	}
	c := *e.Change
	c.Before, c.After = keyOnly(c.Table, c.Before), keyOnly(c.Table, c.After)
	var b format.Buffer
	if err := w.enc.Append(&b, &transform.Event{Change: &c, HasData: true}); err != nil || len(b.Records) == 0 {
		return nil
	}
	return b.Records[0].Key
}

func keyOnly(t *capture.Table, row []capture.Value) []capture.Value {
	if row == nil {
		return nil
	}
	out := make([]capture.Value, len(row))
	for i := range out {
		out[i].Kind = capture.Absent
	}
	for _, i := range t.Key {
		if i < len(row) {
			out[i] = row[i]
		}
	}
	return out
}

func shortenTo(limit int, text string) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "..."
}
