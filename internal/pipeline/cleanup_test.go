package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// eraser is a source from which rows are deleted.
type eraser struct {
	mu    sync.Mutex
	calls []string
	err   error
}

func (e *eraser) delete(_ context.Context, t *capture.Table, keys [][]string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	var list []string
	for _, k := range keys {
		list = append(list, strings.Join(k, "/"))
	}
	e.calls = append(e.calls, t.Name+": "+strings.Join(list, " "))
	return nil
}

func (e *eraser) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *eraser) deleted() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

var (
	outboxTable = &capture.Table{Name: "outbox", Key: []int{1, 0}, Columns: make([]capture.Column, 2)}
	secondTable = &capture.Table{Name: "second", Key: []int{0}, Columns: make([]capture.Column, 1)}
	keylessRows = &capture.Table{Name: "keyless", Columns: make([]capture.Column, 1)}
)

// sentAt returns a change whose transaction commits at lsn.
func sentAt(t *capture.Table, lsn capture.LSN, values ...string) *capture.Change {
	row := make([]capture.Value, len(values))
	for i, v := range values {
		row[i] = capture.Value{Kind: capture.Text, Bytes: []byte(v)}
	}
	return &capture.Change{Tx: &capture.Tx{LSN: lsn}, Op: capture.Insert, Table: t, After: row}
}

func TestCleanupDeletesOnlyWhatIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e eraser
		c := NewCleanup(e.delete, zap.NewNop())
		ctx, stop := context.WithCancel(t.Context())
		go c.run(ctx)
		expect := func(want ...string) {
			t.Helper()
			time.Sleep(2 * gatherTime)
			synctest.Wait()
			if got := e.deleted(); !slices.Equal(got, want) {
				t.Errorf("deleted %q, want %q", got, want)
			}
		}
		at := func(lsn capture.LSN) capture.Position { return capture.Position{LSN: lsn} }
		c.Add(sentAt(outboxTable, 100, "a", "1"))
		c.Add(sentAt(outboxTable, 200, "b", "2"))
		c.Add(sentAt(secondTable, 300, "x"))
		c.Add(sentAt(keylessRows, 300, "y"))
		expect()
		c.setDurable(at(100)) // up to its commit, without it
		expect()
		c.setDurable(at(201))
		expect("outbox: 1/a 2/b")
		c.Add(sentAt(secondTable, 250, "w")) // the stream begins again at an earlier position
		c.setDurable(at(260))
		expect("outbox: 1/a 2/b", "second: w")
		c.Add(sentAt(secondTable, 300, "x"))
		c.reset()
		c.setDurable(at(1000))
		expect("outbox: 1/a 2/b", "second: w")

		c.Add(sentAt(secondTable, 1000, "z")) // the process ends before the row is deleted
		stop()
		synctest.Wait()
		c.setDurable(at(1001))
		c.finish(ctx)
		expect("outbox: 1/a 2/b", "second: w", "second: z")
	})
}

func TestCleanupIsBounded(t *testing.T) {
	var e eraser
	c := NewCleanup(e.delete, zap.NewNop())
	for i := range maxKept + 10 {
		c.Add(sentAt(secondTable, capture.LSN(i+1), fmt.Sprint(i)))
	}
	c.setDurable(capture.Position{LSN: maxKept + 100})
	c.finish(t.Context())
	calls := e.deleted()
	if len(calls) != maxKept/maxDelete {
		t.Errorf("%d statements", len(calls))
	}
	for _, call := range calls {
		if n := len(strings.Fields(call)) - 1; n != maxDelete {
			t.Fatalf("one statement deletes %d rows", n)
		}
	}
}

func TestCleanupThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e eraser
		e.fail(errors.New("permission denied"))
		c := NewCleanup(e.delete, zap.NewNop())
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.run(ctx)
		c.Add(sentAt(secondTable, 1, "x"))
		c.setDurable(capture.Position{LSN: 2})
		time.Sleep(2 * gatherTime)
		if p, since := c.warning(); p == nil || p.State != "cleanup_failed" || p.Err == nil || since.IsZero() {
			t.Fatalf("%+v since %s", p, since)
		}
		e.fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if p, _ := c.warning(); p != nil || !slices.Equal(e.deleted(), []string{"second: x"}) {
			t.Errorf("%v, deleted %q", p, e.deleted())
		}
	})
}
