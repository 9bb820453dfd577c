package sinktest

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

// Run runs the contract's tests. fresh creates an empty target for each of them.
func Run(t *testing.T, fresh func(t *testing.T) Target) {
	for name, c := range map[string]func(*testing.T, *place){
		"AnEmptyBatchIsHeldWithARecord":  emptyBatch,
		"HeldIsDurableAndReopeningKnows": onDurableMeansDurable,
		"HeldGrowsAndKeysKeepTheirOrder": order,
		"ARewindRepeatsTails":            rewind,
		"NothingOfABatchIsKept":          memory,
		"PositionsInsideATransaction":    inside,
		"TablesOfACopyAreNoEvents":       tables,
		"CloseEndsTheCalls":              closing,
	} {
		t.Run(name, func(t *testing.T) { c(t, &place{t: t, Target: fresh(t)}) })
	}
	for name, c := range map[string]func(*testing.T, *place){ // for targets that keep progress and can therefore distinguish writers
		"StateStaysUntilTheNext":         state,
		"WhoOpensLastOwnsIt":             fencing,
		"AFencedWriterReachesNothingNew": fencedElsewhere,
		"AFailedWriterStaysFailed":       failed,
		"AVerdictStands":                 verdictStands,
		"ARecordMayGoBack":               recordGoesBack,
		"ARecordBetweenWrites":           recordBetweenWrites,
		"ReadTakesNothingOver":           readOnly,
	} {
		t.Run(name, func(t *testing.T) {
			p := &place{t: t, Target: fresh(t)}
			if p.RecordUnsupported {
				t.Skip("the target keeps no progress")
			}
			c(t, p)
		})
	}
}

// place is a target in one test.
type place struct {
	t *testing.T
	Target
}

func (p *place) sink() sink.Sink {
	s := p.New(p.t)
	p.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			p.t.Errorf("close sink: %v", err)
		}
	})
	return s
}

func (p *place) open() *handle { return open(p.t, p.sink()) }

// has checks that the target contains exactly the scripted rows.
func (p *place) has(versions map[int]int) {
	p.t.Helper()
	seen := p.Read(p.t)
	if !p.Latest {
		if err := Check(seen, versions); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	got := map[int]int{}
	for _, s := range seen {
		got[s.Key] = s.Version
	}
	if !maps.Equal(versions, got) {
		p.t.Fatalf("target (-want +got):\n%s", cmp.Diff(versions, got))
	}
}

// knows checks the progress of a lane whose durable position is at.
func (p *place) knows(h *handle, at capture.Position, commit capture.Commit, state string) {
	p.t.Helper()
	want := sink.Progress{Record: sink.RecordFound, Position: at, Origin: Origin, Commit: commit}
	if state != "" {
		want.State = []byte(state)
	}
	p.finds(h, want)
}

// finds checks the progress that Open has returned and that Read returns. A target that keeps no progress returns none.
func (p *place) finds(h *handle, want sink.Progress) {
	p.t.Helper()
	if p.RecordUnsupported {
		want = sink.Progress{Record: sink.RecordUnsupported}
	}
	want.AcksLate = h.progress.AcksLate
	if d := cmp.Diff(want, h.progress); d != "" {
		p.t.Fatalf("Open (-want +got):\n%s", d)
	}
	if p.RecordUnsupported {
		return
	}
	got, err := h.sink.(sink.Reader).Read(p.t.Context(), "main", Origin)
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	got.AcksLate = want.AcksLate
	if d := cmp.Diff(want, got); d != "" {
		p.t.Fatalf("Read (-want +got):\n%s", d)
	}
}

func emptyBatch(t *testing.T, p *place) {
	s := newScript()
	h := p.open()
	if want := (sink.Progress{Record: sink.RecordNone, AcksLate: h.progress.AcksLate}); !p.RecordUnsupported && !cmp.Equal(h.progress, want) {
		t.Fatalf("an empty target knows %+v", h.progress)
	}
	b := s.idle(nil)
	h.makesDurable(b)
	h.close()
	p.knows(p.open(), b.End, s.commit, "")
	p.has(nil)
}

func onDurableMeansDurable(_ *testing.T, p *place) {
	s := newScript()
	for range 3 {
		h := p.open()
		b := s.transaction(0, 10, 4, 100)
		h.makesDurable(b)
		h.close() // nothing that follows gets time to become durable
		p.has(s.versions)
		p.knows(p.open(), b.End, s.commit, "")
	}
}

func order(t *testing.T, p *place) {
	s := newScript()
	h := p.open()
	var last sink.Batch
	for i := range 500 {
		last = s.transaction(i, 1+i%7, 20, 50)
		if i%3 == 0 {
			more := s.transaction(i, 3, 20, 50)
			h.write(last, more)
			last = more
		} else {
			h.write(last)
		}
	}
	h.wait(last.End)
	h.close()
	p.has(s.versions)
	if h.calls < 1 {
		t.Error("OnDurable was never called")
	}
}

// rewind closes Writers midway and continues from the position that the next Open returns, as the lane does.
func rewind(t *testing.T, p *place) {
	var batches []sink.Batch
	s := newScript()
	h := p.open()
	first := s.idle(nil)
	h.makesDurable(first)
	h.close()
	for i := range 300 {
		batches = append(batches, s.transaction(i, 5, 15, 200))
	}
	last := batches[len(batches)-1].End
	for round := 0; ; round++ {
		h := p.open()
		from := h.progress.Position
		if p.RecordUnsupported {
			from = first.End
		}
		for i, b := range batches {
			if b.End.Compare(from) <= 0 {
				continue
			}
			if round < 5 && i > 40*(round+1) {
				break
			}
			if err := h.writer.Write(t.Context(), []sink.Batch{b}); err != nil {
				t.Fatal(err)
			}
		}
		if round == 5 {
			h.wait(last)
			h.close()
			break
		}
		h.close()
	}
	p.has(s.versions)
}

// memory overwrites the memory of the values after each Write (handle.try does that).
func memory(_ *testing.T, p *place) {
	s := newScript()
	h := p.open()
	var last sink.Batch
	for i := range 50 {
		last = s.transaction(i, 40, 40, 3000)
		h.write(last)
	}
	h.wait(last.End)
	h.close()
	p.has(s.versions)
}

func state(_ *testing.T, p *place) {
	s := newScript()
	h := p.open()
	h.write(s.idle([]byte("chunk 1 \x00\xff\"")))
	b := s.transaction(0, 1, 1, 10)
	h.makesDurable(b)
	h.close()
	h = p.open()
	p.knows(h, b.End, s.commit, "chunk 1 \x00\xff\"")
	b = s.idle(nil)
	h.makesDurable(b)
	h.close()
	h = p.open()
	p.knows(h, b.End, s.commit, "chunk 1 \x00\xff\"")
	b = s.idle([]byte("chunk 2"))
	h.makesDurable(b)
	h.close()
	p.knows(p.open(), b.End, s.commit, "chunk 2")
}

// inside splits a transaction in two. A target may make the first half durable or wait for the complete transaction.
func inside(_ *testing.T, p *place) {
	s := newScript()
	h := p.open()
	full := s.transaction(0, 10, 10, 10)
	half := full
	half.Events, half.Commit = full.Events[:5], false
	half.End = full.Events[5].Change.At()
	h.write(half)
	rest := full
	rest.Events = full.Events[5:]
	h.write(rest)
	h.wait(full.End)
	h.close()
	p.knows(p.open(), full.End, s.commit, "")
	p.has(s.versions)
}

func tables(_ *testing.T, p *place) {
	s := newScript()
	h := p.open()
	full := s.transaction(0, 10, 10, 10)
	h.write(sink.Batch{Tables: []*capture.Table{Table}, End: full.Events[0].Change.At()})
	full.Tables = []*capture.Table{Table}
	h.write(full)
	h.wait(full.End)
	h.close()
	p.knows(p.open(), full.End, s.commit, "")
	p.has(s.versions)
}

func fencing(t *testing.T, p *place) {
	s := newScript()
	one := p.open()
	b := s.transaction(0, 20, 10, 100)
	one.makesDurable(b)
	durable := maps.Clone(s.versions)

	two := p.open()
	p.knows(two, b.End, s.commit, "")
	lost := *s
	lost.versions = maps.Clone(s.versions)
	err := one.try(lost.transaction(0, 20, 10, 100)) // whatever it accepts must not become durable
	if err == nil {
		err = one.failure()
	}
	if !errors.Is(err, sink.ErrFenced) {
		t.Errorf("the first Writer fails with %v, want sink.ErrFenced", err)
	}
	p.has(durable)
	b = s.transaction(3, 20, 10, 100)
	two.makesDurable(b)
	one.close()
	b = s.transaction(5, 20, 10, 100)
	two.makesDurable(b)
	two.close()
	p.has(s.versions)
}

// fencedElsewhere fences a Writer that has not written anything yet.
func fencedElsewhere(t *testing.T, p *place) {
	s := newScript()
	one := p.open()
	two := p.open()
	lost := newScript()
	err := one.try(lost.transaction(0, 20, 10, 100))
	if err == nil {
		err = one.failure()
	}
	if !errors.Is(err, sink.ErrFenced) {
		t.Errorf("the first Writer fails with %v, want sink.ErrFenced", err)
	}
	p.has(nil)
	b := s.transaction(0, 20, 10, 100)
	two.makesDurable(b)
	p.has(s.versions)
}

func failed(t *testing.T, p *place) {
	s := newScript()
	one := p.open()
	p.open()
	err := one.try(s.transaction(0, 1, 1, 10))
	if err == nil {
		err = one.failure()
	}
	if again := one.try(s.transaction(0, 1, 1, 10)); !errors.Is(again, sink.ErrFenced) {
		t.Errorf("the Writer failed with %v and then with %v", err, again)
	}
}

func closing(_ *testing.T, p *place) {
	s := newScript()
	h := p.open()
	for i := range 50 {
		h.write(s.transaction(i, 10, 10, 500))
	}
	h.close() // onDurable and fail report later calls as errors
	again := p.open()
	b := s.idle(nil)
	again.makesDurable(b)
}
