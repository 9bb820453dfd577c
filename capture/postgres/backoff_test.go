package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/snapshot"
)

func TestAttempts(t *testing.T) {
	type session struct {
		lived     time.Duration
		confirmed capture.LSN
	}
	lost := errors.New("lost")
	for name, c := range map[string]struct {
		session func(i int) session
		soon    bool // the wait stays the smallest
	}{
		"no stream at all":                {nil, false},
		"short and idle":                  {func(int) session { return session{9 * time.Second, 0} }, false},
		"long and idle":                   {func(int) session { return session{11 * time.Second, 0} }, true},
		"delivers":                        {func(i int) session { return session{2 * time.Second, capture.LSN(100 * i)} }, true},
		"delivers and breaks at once":     {func(i int) session { return session{time.Second / 10, capture.LSN(100 * i)} }, false},
		"delivers the same over and over": {func(int) session { return session{2 * time.Second, 100} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var a attempts
			var wait time.Duration
			for i := range 10 {
				if c.session != nil {
					s := c.session(i + 1)
					a.served(s.lived, s.confirmed)
				}
				wait = a.backoff.Next(lost)
			}
			if soon := wait <= 100*time.Millisecond; soon != c.soon || !soon && wait < capture.HaltedRetryInterval/2 {
				t.Errorf("the tenth wait is %s", wait)
			}
		})
	}
}

// What counts as brought to the sinks: a change, and all of it confirmed; never a snapshot's row.
func TestDelivered(t *testing.T) {
	s, _ := newStream(t)
	next := func(b capture.Batch) {
		t.Helper()
		s.out <- b
		if _, err := s.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	next(capture.Batch{End: capture.Position{LSN: 0x100}, Commit: true})
	s.Confirm(capture.Position{LSN: 0x100})
	if got := s.delivered(); got != 0 {
		t.Errorf("an idle stream: %s", got)
	}
	next(capture.Batch{Changes: make([]capture.Change, 1), End: capture.Position{LSN: 0x200}, Commit: true})
	if got := s.delivered(); got != 0 {
		t.Errorf("not confirmed: %s", got)
	}
	s.Confirm(capture.Position{LSN: 0x240})
	if got := s.delivered(); got != 0x240 {
		t.Errorf("confirmed: %s", got)
	}
	s.snapshot = &snapshot.Snapshot{}
	if got := s.delivered(); got != 0 {
		t.Errorf("a first start: %s", got)
	}
}
