package capturetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
)

// Server is a source's server as the contract requires it: one table with the columns id, which is the key, and ver, empty
// at first, and no slot.
type Server struct {
	// Source creates the source of another daemon. All sources of one Server read the same slot.
	Source func(t *testing.T) capture.Source
	// Begin writes rows in a transaction that stays open; the function that it returns commits it.
	Begin func(t *testing.T, rows ...Row) (commit func())
	// Idle writes WAL that has nothing for the slot.
	Idle func(t *testing.T)
	// Cut ends the streaming connection from the server's side.
	Cut func(t *testing.T)
}

// Run runs the contract of a capture.Source. fresh creates a server for each case.
func Run(t *testing.T, fresh func(t *testing.T) Server) {
	for _, c := range []struct {
		name string
		run  func(*bench)
	}{
		{"AFirstStartCopiesThenStreams", firstStart},
		{"PositionsGrow", positionsGrow},
		{"NothingBeforeItsCommit", nothingBeforeCommit},
		{"SendsAgainWhatWasNotConfirmed", sendsAgain},
		{"ConfirmOnlyGrows", confirmGrows},
		{"AnIdleStreamMoves", idleMoves},
		{"DoneWhenCut", doneWhenCut},
		{"NextEndsWithItsContext", nextEnds},
		{"ConfirmAfterTheEndOfTheContext", confirmAfterEnd},
		{"OneAtATime", oneAtATime},
		{"BatchesAreTheCallers", batchesStay},
		{"ACopyMeetsTheStream", copyMeets},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(&bench{t: t, server: fresh(t), versions: map[int]int{}})
		})
	}
}

// bench is a server on which the contract runs.
type bench struct {
	t        *testing.T
	server   Server
	versions map[int]int
}

// rows returns the next version of each key.
func (b *bench) rows(keys ...int) (rows []Row) {
	for _, k := range keys {
		b.versions[k]++
		rows = append(rows, Row{k, b.versions[k]})
	}
	return rows
}

// commit commits a transaction and returns its rows.
func (b *bench) commit(keys ...int) []Row {
	b.t.Helper()
	rows := b.rows(keys...)
	b.server.Begin(b.t, rows...)()
	return rows
}

func (b *bench) fatal(format string, args ...any) {
	b.t.Helper()
	b.t.Fatalf(format, args...)
}

func firstStart(b *bench) {
	want := b.commit(1, 2, 3)
	c := b.client()
	s := c.session()
	if !s.fromSnapshot || s.Lane() == "" || s.Start().IsZero() || s.Origin().System == 0 || s.Origin().Timeline == 0 {
		b.fatal("a first start: from a snapshot %t, lane %q, start %s, origin %+v", s.fromSnapshot, s.Lane(), s.Start(), s.Origin())
	}
	s.expect(want...)
	b.commit(4)
	s = c.steady(s)
	s.expect(Row{4, 1}) // not in the copy, and not in the first stream, which has ended with it
	s.confirm()
	s.expect(b.commit(1)...)
}

func positionsGrow(b *bench) {
	s := b.client().steady(nil)
	big := make([]int, 9000)
	for i := range big {
		big[i] = i % 3000
	}
	for i := range 20 {
		var want []Row
		for range i {
			want = append(want, b.commit(i, i+1)...)
		}
		if i%7 == 6 {
			// A transaction of this size is split; the session checks the positions of each part.
			for at := 0; at < len(big); at += 3000 {
				want = append(want, b.rows(big[at:at+3000]...)...)
			}
			b.server.Begin(b.t, want[len(want)-9000:]...)()
		}
		s.expect(want...)
		b.server.Idle(b.t)
	}
}

func nothingBeforeCommit(b *bench) {
	s := b.client().steady(nil)
	open := b.rows(1, 2, 3)
	commit := b.server.Begin(b.t, open...)
	s.expect(b.commit(10)...)
	b.server.Idle(b.t)
	s.expect(b.commit(11)...)
	commit()
	s.expect(append(open, b.commit(12)...)...)
}

func sendsAgain(b *bench) {
	c := b.client()
	s := c.steady(nil)
	s.expect(b.commit(1)...)
	confirmed := s.confirm()
	second, third := b.commit(2, 3), b.commit(4)
	s.expect(append(second, third...)...)
	b.reaches(s, confirmed)
	b.server.Cut(b.t)
	s = c.next(s, s.broken())
	if s.Start() != confirmed {
		b.fatal("confirmed %s, the stream starts at %s", confirmed, s.Start())
	}
	s.expect(append(second, third...)...)
	confirmed = s.confirm()
	b.reaches(s, confirmed)
	b.server.Cut(b.t)
	s = c.next(s, s.broken())
	s.expect(b.commit(5)...)
}

func confirmGrows(b *bench) {
	s := b.client().steady(nil)
	s.expect(b.commit(1)...)
	first := s.last
	s.expect(b.commit(2)...)
	second := s.confirm()
	b.reaches(s, second)
	s.Confirm(first)
	s.Confirm(capture.Position{})
	s.expect(b.commit(3)...)
	third := s.confirm()
	b.reaches(s, third)
	s.Confirm(second)
	if slot := s.slot(); slot.Confirmed != third.LSN || slot.End < slot.Confirmed {
		b.fatal("confirmed %s and then %s again; the slot is at %+v", third, second, slot)
	}
}

func idleMoves(b *bench) {
	s := b.client().steady(nil)
	s.expect(b.commit(1)...)
	for range 3 {
		before := s.last
		b.server.Idle(b.t)
		end := s.slot().End
		for s.last.LSN < end {
			if batch := s.take(); len(batch.Changes) != 0 {
				b.fatal("a change %+v of nothing", batch.Changes[0])
			}
		}
		if !before.Before(s.last) {
			b.fatal("it does not move")
		}
		b.reaches(s, s.confirm())
	}
}

func doneWhenCut(b *bench) {
	c := b.client()
	s := c.steady(nil)
	select {
	case <-s.Done():
		b.fatal("done: %v", s.Err())
	default:
	}
	b.commit(1)
	b.server.Cut(b.t)
	err := s.broken() // without a call of Next
	for range 3 {
		if _, next := s.Next(b.t.Context()); next != nil {
			break // batches received before may come first
		}
	}
	if _, next := s.Next(b.t.Context()); next == nil {
		b.fatal("Next goes on after %v", err)
	}
	s = c.next(s, err)
	s.expect(Row{1, 1})
}

func nextEnds(b *bench) {
	s := b.client().steady(nil)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(b.t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(gone) })
	for {
		batch, err := s.Next(ctx)
		if err == nil {
			s.check(batch)
			continue
		}
		if !errors.Is(err, gone) {
			b.fatal("Next ends with %v", err)
		}
		break
	}
	s.expect(b.commit(1)...) // the stream continues
}

func confirmAfterEnd(b *bench) {
	c := b.client()
	s := c.steady(nil)
	s.expect(b.commit(1)...)
	c.cancel()
	confirmed := s.confirm()
	s.over(nil)
	if err := <-c.done; err != nil {
		b.fatal("Run ends with %v", err)
	}
	s = b.client().steady(nil)
	if s.Start().Before(confirmed) {
		b.fatal("confirmed %s at the end, the next start is at %s", confirmed, s.Start())
	}
	s.expect(b.commit(2)...)
}

func oneAtATime(b *bench) {
	first := b.client()
	s := first.steady(nil)
	second := b.client()
	if err := second.reported(); !errors.Is(err, capture.ErrSlotInUse) {
		b.fatal("the second is told %v", err)
	}
	s.expect(b.commit(1)...)
	s.confirm()
	select {
	case <-second.sessions:
		b.fatal("two are served")
	default:
	}
	first.cancel()
	s.over(nil)
	<-first.done
	s2 := second.session()
	s2.expect(b.commit(2)...)
	if _, err := s.Slot(b.t.Context()); err == nil {
		b.fatal("the first still has the slot")
	}
}

func batchesStay(b *bench) {
	s := b.client().steady(nil)
	want := b.commit(1, 2, 3)
	kept := s.expect(want...)
	for i := range 30 {
		s.expect(b.commit(100+i, 200+i)...)
	}
	var got []Row
	for _, batch := range kept {
		got = append(got, rowsOf(b.t, batch)...)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.fatal("the batches were %v and are now %v", want, got)
	}
}
