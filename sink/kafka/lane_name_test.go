package kafka_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/testenv"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/kafka"
	"github.com/tailrace/tailrace/sink/sinktest"
)

// of is the lane of a database of sinktest's cluster, which has a slot of its own.
func of(oid uint32, name string) capture.Origin {
	o := sinktest.Origin
	o.Database, o.Slot = capture.Database{OID: oid, Name: name}, "tailrace_"+name
	return o
}

func openFrom(t *testing.T, s sink.Sink, from capture.Origin) *lane {
	t.Helper()
	l, err := tryOpenFrom(t, s, from)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return l
}

// finds checks what Open has found and what Read finds: the position that a source holds; zero: nothing.
func (l *lane) finds(s *kafka.Sink, from capture.Origin, want capture.Position) {
	l.t.Helper()
	read, err := s.Read(l.t.Context(), "main", from)
	if err != nil {
		l.t.Fatalf("read: %v", err)
	}
	for call, got := range map[string]sink.Progress{"Open": l.progress, "Read": read} {
		switch {
		case got.Position != want || (got.Record == sink.RecordFound) != !want.IsZero():
			l.t.Errorf("%s of %s finds %+v, want position %s", call, from.Database, got, want)
		case got.Record == sink.RecordFound && got.Origin.Database.OID != from.Database.OID:
			l.t.Errorf("%s of %s finds the record of %s", call, from.Database, got.Origin.Database)
		}
	}
}

// dropFrom removes the record that a source's sink has.
func dropFrom(t *testing.T, o kafka.Options, from capture.Origin) {
	t.Helper()
	set := &kafka.Settings{Brokers: o.Brokers, ProgressTopic: o.ProgressTopic}
	lines, err := set.Drop(t.Context(), o.Pipeline, o.Name, from, false)
	if err != nil || len(lines) == 0 {
		t.Fatalf("drop: %q, %v", lines, err)
	}
}

// Two databases of one cluster with the same names of pipeline and sink: neither fences the other one, each has its own record, and
// the second one keeps its own when the first one is gone.
func TestTwoDatabasesHaveTwoRecords(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o, _ := ownProgress(t, server, nil)
	first, second := of(5, "shop"), of(6, "shop_copy")
	open := func(from capture.Origin, want capture.Position) *lane {
		t.Helper()
		s := newSink(t, o)
		l := openFrom(t, s, from)
		l.finds(s, from, want)
		return l
	}
	a := open(first, capture.Position{})
	endA := a.mustWrite(row(capture.Insert, 1, 1, ""))
	a.wait(endA)
	b := open(second, capture.Position{})
	endB := b.mustWrite(row(capture.Insert, 2, 1, ""), row(capture.Insert, 3, 1, ""))
	b.wait(endB)
	endA = a.mustWrite(row(capture.Update, 1, 2, "")) // it was not fenced
	a.wait(endA)

	a2 := open(first, endA)
	b2 := open(second, endB)
	for _, old := range []*lane{a, b} { // each by its own successor
		if end, err := old.write(row(capture.Update, 9, 1, "")); err == nil {
			err = old.failure()
			if !errors.Is(err, sink.ErrFenced) {
				t.Errorf("an older writer goes on to %s: %v", end, err)
			}
		}
	}
	a2.Close()
	dropFrom(t, o, first)
	endB = b2.mustWrite(row(capture.Update, 2, 2, ""))
	b2.wait(endB)
	b3 := open(second, endB) // also now that the first name is free
	a3 := open(first, capture.Position{})
	endA = a3.mustWrite(row(capture.Insert, 1, 3, ""))
	a3.wait(endA)
	b3.Close()
	dropFrom(t, o, second)
	open(first, endA)
	open(second, capture.Position{})
}

// A record of another cluster, or of the database that had this one's name, is found, for the start rule to judge: this source may
// have replaced it. So is one of a version that names no database.
func TestReplacedDatabaseIsFound(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	elsewhere := of(6, "store")
	elsewhere.System++
	for name, c := range map[string]struct {
		was, now capture.Origin
		empty    bool
	}{
		"created again":   {was: of(5, "shop"), now: of(6, "shop")},
		"another cluster": {was: of(5, "shop"), now: elsewhere},
		"renamed":         {was: of(5, "shop"), now: of(5, "store")},
		"older record":    {was: of(0, ""), now: of(6, "shop")},
		"another one":     {was: of(5, "shop"), now: of(6, "store"), empty: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _ := ownProgress(t, server, nil)
			l := openFrom(t, newSink(t, o), c.was)
			end := l.mustWrite(row(capture.Insert, 1, 1, ""))
			l.wait(end)
			l.Close()
			if c.empty {
				end = capture.Position{}
			}
			for i := range 2 {
				if got := openFrom(t, newSink(t, o), c.now).progress; got.Position != end {
					t.Errorf("opened %d times, it finds %+v, want %s", i+1, got, end)
				}
			}
		})
	}
}

// The second database's writer has written nothing when the first one's record is dropped: its successor takes the same name and
// fences it, though the first name is free.
func TestSecondNameIsKept(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	o, topic := ownProgress(t, server, nil)
	first, second := of(5, "shop"), of(6, "shop_copy")
	a := openFrom(t, newSink(t, o), first)
	a.wait(a.mustWrite(row(capture.Insert, 1, 1, "")))
	zombie := openFrom(t, newSink(t, o), second)
	a.Close()
	dropFrom(t, o, first)
	successor := openFrom(t, newSink(t, o), second)
	if end, err := zombie.write(row(capture.Insert, 2, 1, "")); err == nil {
		err = zombie.failure()
		if !errors.Is(err, sink.ErrFenced) {
			t.Errorf("the zombie has written up to %s: %v", end, err)
		}
	}
	successor.wait(successor.mustWrite(row(capture.Insert, 3, 1, "")))
	if got := versions(t, consume(t, server, topic)); len(got) != 2 {
		t.Errorf("the topic has %v, want the first one's record and the successor's", got)
	}
}

// Two databases that begin at one time end with a record each, whichever was first.
func TestTwoDatabasesBeginAtOnce(t *testing.T) {
	needServers(t)
	server := testenv.SharedKafka(t)
	for range 5 {
		o, _ := ownProgress(t, server, nil)
		both := []capture.Origin{of(5, "shop"), of(6, "shop_copy")}
		ends := make([]capture.Position, len(both))
		var all sync.WaitGroup
		for i, from := range both {
			all.Go(func() {
				s := newSink(t, o)
				for try := 0; ends[i].IsZero() && try < 10; try++ {
					var err error
					if ends[i], err = oneRow(t, s, from); err != nil && !errors.Is(err, sink.ErrFenced) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for i, from := range both {
			s := newSink(t, o)
			openFrom(t, s, from).finds(s, from, ends[i])
		}
	}
}

// oneRow does what a lane does: it opens the sink and, unless the record is another's, writes until it is fenced.
func oneRow(t *testing.T, s *kafka.Sink, from capture.Origin) (end capture.Position, err error) {
	l, err := tryOpenFrom(t, s, from)
	if err != nil {
		return end, err
	}
	defer l.Close()
	if o := l.progress.Origin; o.Database.OID != 0 && o.Database.OID != from.Database.OID {
		return end, nil
	}
	if end, err = l.write(row(capture.Insert, 1, 1, "")); err == nil {
		err = l.outcome(end)
	}
	if err != nil {
		end = capture.Position{}
	}
	return end, err
}

// outcome waits until p is held or the Writer has failed.
func (l *lane) outcome(p capture.Position) error {
	for {
		select {
		case at := <-l.held:
			if !at.Before(p) {
				return nil
			}
		case err := <-l.failed:
			return err
		}
	}
}
