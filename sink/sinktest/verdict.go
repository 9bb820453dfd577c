package sinktest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// verdict is a verdict as a daemon writes it, with characters that need quoting or encoding.
var verdict = &sink.Verdict{
	State: "publication_altered", Reason: `table "o'Neil" was taken out; ¬`, Since: time.Date(2026, 11, 30, 6, 0, 1, 2_000, time.UTC),
	Confirmed: 0x16_B374D848,
}

// records writes the given record for an open lane.
func (h *handle) records(p sink.Progress) {
	h.t.Helper()
	if err := h.writer.(sink.Recorder).Record(h.t.Context(), p); err != nil {
		h.t.Fatalf("record: %v", err)
	}
}

// verdictStands writes a verdict. Every later Open returns it, with the origin that it refers to, even after further writes,
// until Record removes it.
func verdictStands(_ *testing.T, p *place) {
	s := newScript()
	h := p.open()
	h.write(s.idle([]byte("done")))
	b := s.transaction(0, 5, 5, 10)
	h.makesDurable(b)
	h.close()

	h = p.open()
	was := h.progress
	judged := was
	judged.Verdict, judged.State = verdict, nil // a nil State keeps the recorded one
	judged.Origin.Publication = "former"
	h.records(judged)
	h.close()
	judged.State = was.State
	h = p.open()
	p.finds(h, judged)
	b = s.transaction(0, 5, 5, 10)
	h.makesDurable(b)
	h.close()
	judged.Position, judged.Commit = b.End, s.commit
	h = p.open()
	p.finds(h, judged)
	accepted := judged
	accepted.Verdict, accepted.Origin = nil, Origin
	h.records(accepted)
	b = s.transaction(0, 5, 5, 10)
	h.makesDurable(b)
	h.close()
	p.knows(p.open(), b.End, s.commit, "done")
	p.has(s.versions)
}

// recordGoesBack sets the record back to an earlier position. The next write continues from there.
func recordGoesBack(_ *testing.T, p *place) {
	s := newScript()
	h := p.open()
	b := s.transaction(0, 5, 5, 10)
	h.write(b)
	idle := s.idle(nil)
	h.makesDurable(idle)
	h.close()
	h = p.open()
	back := h.progress
	back.Position = b.End
	h.records(back)
	h.close()
	h = p.open()
	p.finds(h, back)
	h.records(back)
	s.lsn = b.End.LSN
	next := s.transaction(0, 5, 5, 10)
	if !next.End.Before(idle.End) {
		next.End = capture.Position{LSN: idle.End.LSN - 8}
	}
	h.makesDurable(next)
	h.close()
	p.knows(p.open(), next.End, s.commit, "")
	p.has(s.versions)
}

// recordBetweenWrites writes a record with a state while no write is in flight. The next write keeps that state.
func recordBetweenWrites(t *testing.T, p *place) {
	if p.RecordUnsupported {
		return
	}
	s := newScript()
	h := p.open()
	b := s.transaction(0, 5, 5, 10)
	b.State = []byte("pending")
	h.write(b)
	h.wait(b.End)
	read := func() sink.Progress {
		t.Helper()
		got, err := h.sink.(sink.Reader).Read(t.Context(), "main", Origin)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		return got
	}
	was := read()
	finished := was
	finished.State = []byte("done")
	h.records(finished)
	if d := cmp.Diff(finished, read()); d != "" {
		t.Fatalf("Read (-want +got):\n%s", d)
	}
	b = s.transaction(0, 5, 5, 10)
	h.write(b)
	h.wait(b.End)
	h.close()
	p.knows(p.open(), b.End, s.commit, "done")
	p.has(s.versions)
}

// readOnly reads the progress while a Writer is open, which must not disturb the Writer. A fenced Writer must not write a record.
func readOnly(t *testing.T, p *place) {
	s := newScript()
	other := p.sink().(sink.Reader)
	read := func() sink.Progress {
		t.Helper()
		got, err := other.Read(t.Context(), "main", Origin)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		return got
	}
	if got := read(); got.Record != sink.RecordNone {
		t.Fatalf("an empty target knows %+v", got)
	}
	h := p.open()
	for range 3 {
		b := s.transaction(0, 5, 5, 10)
		h.makesDurable(b)
		if got := read(); got.Position != b.End || got.Commit != s.commit {
			t.Fatalf("%+v, want %s", got, b.End)
		}
	}
	p.open()
	if err := h.writer.(sink.Recorder).Record(t.Context(), read()); !errors.Is(err, sink.ErrFenced) {
		t.Errorf("a fenced Writer writes a record: %v", err)
	}
	if got := read(); got.Verdict != nil {
		t.Errorf("%+v", got)
	}
}
