package sinktest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// verdict is one that a daemon wrote, with what text may have.
var verdict = &sink.Verdict{
	State: "publication_altered", Reason: `table "o'Neil" was taken out; ¬`, Since: time.Date(2026, 11, 30, 6, 0, 1, 2_000, time.UTC),
	Confirmed: 0x16_B374D848,
}

// records has the record of an open lane written as it is given.
func (h *handle) records(p sink.Progress) {
	h.t.Helper()
	if err := h.writer.(sink.Recorder).Record(h.t.Context(), p); err != nil {
		h.t.Fatalf("record: %v", err)
	}
}

// verdictStands writes a verdict: every later Open finds it, with the origin that was judged, also when something was written
// since, until Record takes it away.
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
	judged.Verdict, judged.State = verdict, nil // the state stays all the same
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

// recordGoesBack puts the record to an earlier position: what is written next goes on from there.
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

// recordBetweenWrites writes a record with a state while nothing is on its way: what is written next goes on with that state.
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

// readOnly reads beside an open Writer, which goes on; and a Writer that is fenced writes no record.
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
