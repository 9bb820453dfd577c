package capturetest

import (
	"fmt"

	"github.com/tailrace/tailrace/capture"
)

// copyMeets makes a copy next to a stream: the copy has what was committed before its point, and the stream has the rest.
func copyMeets(b *bench) {
	before := b.commit(1, 2, 3)
	c := b.client()
	s := c.steady(nil)
	before = append(before, b.commit(4)...)
	s.expect(before[3:]...)
	source, can := s.Stream.(capture.Copier)
	if !can {
		return
	}
	confirmed := s.confirm()
	rows, err := source.Copy(b.t.Context(), 1, func(*capture.Problem) {})
	if err != nil {
		b.fatal("no copy: %v", err)
	}
	defer rows.Close()
	point := capture.Position{LSN: rows.Point()}
	if len(source.Tables()) != 1 || point.Before(confirmed) {
		b.fatal("a copy of %d tables as of %s, confirmed up to %s", len(source.Tables()), point, confirmed)
	}
	after := b.commit(2, 5)
	if got := b.rowsOf(rows); fmt.Sprint(got) != fmt.Sprint(before) {
		b.fatal("the copy has %v, want %v", got, before)
	}
	for _, batch := range s.expect(after...) {
		for i := range batch.Changes {
			if batch.Changes[i].At().Before(point) {
				b.fatal("a change at %s after a copy as of %s", batch.Changes[i].At(), point)
			}
		}
	}
	inside := capture.Record{Sink: "test", Position: capture.Position{LSN: point.LSN - 1, Seq: 1}, Origin: s.Origin()}
	if known, err := s.Compare(b.t.Context(), inside); err != nil || !known.Unfinished {
		b.fatal("of a record from within a copy the source says %+v, %v", known, err)
	}
	if known, err := s.Compare(b.t.Context(), capture.Record{Sink: "test", Position: point, State: c.state, Origin: s.Origin()}); err != nil ||
		known.Unfinished || known.State != nil {
		b.fatal("of a record at the end of a copy the source says %+v, %v", known, err)
	}
}

// rowsOf reads a copy to its end.
func (b *bench) rowsOf(rows capture.Copy) (got []Row) {
	b.t.Helper()
	at := capture.Position{LSN: rows.Point() - 1}
	for {
		batch, err := rows.Next(b.t.Context())
		if err != nil {
			b.fatal("after %s: %v", at, err)
		}
		for i := range batch.Changes {
			if c := &batch.Changes[i]; c.Op != capture.Read || c.At().Before(at) || c.Tx.Snapshot() != rows.Point() {
				b.fatal("a %s at %s in a copy as of %s", c.Op, c.At(), rows.Point())
			}
		}
		if first := at.Seq == 0; first != (len(batch.Tables) == 1) {
			b.fatal("the batch of a copy from %s names %d tables", at, len(batch.Tables))
		}
		if got = append(got, rowsOf(b.t, batch)...); !at.Before(batch.End) || batch.State == nil {
			b.fatal("a batch from %s to %s with state %q", at, batch.End, batch.State)
		}
		if at = batch.End; batch.Commit {
			if at != (capture.Position{LSN: rows.Point()}) || batch.Last.LSN != rows.Point() {
				b.fatal("the copy ends at %s with %+v", at, batch.Last)
			}
			return got
		}
	}
}
