package pipeline

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// DeleteRows deletes rows of a table from the source by the texts of their key columns. A row that does not exist is no error. After an
// error some of the rows may be deleted.
type DeleteRows func(ctx context.Context, t *capture.Table, keys [][]string) error

// Cleanup deletes rows from the source when the events that were made of them are durable in one sink, those of a second together. It
// knows only the rows of events that this process has sent: those that it has not deleted when the process ends stay in the table.
// A failure delays nothing but the deletions.
type Cleanup struct {
	delete DeleteRows
	log    *zap.Logger
	wake   chan struct{} // has room for one

	mu      sync.Mutex // guards what follows
	sent    []sentRow  // not durable yet, in the order of their positions
	durable []sentRow
	left    bool             // rows stay in the table because there are too many
	problem *capture.Problem // why rows cannot be deleted; nil: they can
	since   time.Time        // of the problem
}

// sentRow is a row whose event was made.
type sentRow struct {
	at    capture.Position // of its change
	table *capture.Table
	key   []string
}

const (
	maxDelete  = 10_000      // rows of one call
	maxKept    = 100_000     // rows that wait; the rows of further events stay in the table
	gatherTime = time.Second // how long rows are collected before they are deleted
	finalTime  = time.Second // for the last ones of a process that ends
)

// NewCleanup returns a Cleanup that deletes with a function, which one goroutine at a time calls.
func NewCleanup(delete DeleteRows, log *zap.Logger) *Cleanup {
	return &Cleanup{delete: delete, log: log, wake: make(chan struct{}, 1)}
}

// Add has the row of a change deleted once the change is durable. It copies what it keeps. The goroutine of the chain calls it.
func (c *Cleanup) Add(ch *capture.Change) {
	row := ch.Row()
	key := make([]string, len(ch.Table.Key))
	for i, column := range ch.Table.Key {
		if row[column].Kind != capture.Text {
			return
		}
		key[i] = row[column].String()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := ch.At()
	for n := len(c.sent); n > 0 && !c.sent[n-1].at.Before(at); n-- { // they are read again, from an earlier position on
		c.sent = c.sent[:n-1]
	}
	switch {
	case len(key) == 0:
	case len(c.sent)+len(c.durable) < maxKept:
		c.sent = append(c.sent, sentRow{at, ch.Table, key})
	case !c.left:
		c.left = true
		c.log.Warn("rows stay in the table: more are published than can be deleted", zap.Stringer("table", ch.Table))
	}
}

// reset forgets the rows that are not durable: the sink was opened again, and their changes are read again.
func (c *Cleanup) reset() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = nil
}

// setDurable is called when everything up to p is durable.
func (c *Cleanup) setDurable(p capture.Position) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(c.sent) && c.sent[n].at.Before(p) {
		n++
	}
	if n == 0 {
		return
	}
	c.durable = append(c.durable, c.sent[:n]...)
	c.sent = c.sent[n:]
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run deletes rows until ctx ends. It never returns an error.
func (c *Cleanup) run(ctx context.Context) error {
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return nil
		}
		if capture.Sleep(ctx, gatherTime) != nil || c.deleteAll(ctx) != nil {
			return nil
		}
	}
}

// deleteAll deletes what is durable, with as many attempts as it takes. An error means that ctx has ended.
func (c *Cleanup) deleteAll(ctx context.Context) error {
	var pause capture.Backoff
	for {
		more, err := c.deleteSome(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if stop := capture.Sleep(ctx, pause.Next(err)); stop != nil {
				return stop
			}
		case !more:
			return nil
		default:
			pause.Reset()
		}
	}
}

// finish deletes what is durable after run has ended, within finalTime.
func (c *Cleanup) finish(ctx context.Context) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalTime)
	defer cancel()
	for {
		if more, err := c.deleteSome(ctx); err != nil || !more {
			return
		}
	}
}

// deleteSome deletes rows of one table. more reports whether there may be others.
func (c *Cleanup) deleteSome(ctx context.Context) (more bool, err error) {
	c.mu.Lock()
	n := 0
	var keys [][]string
	for n < len(c.durable) && n < maxDelete && c.durable[n].table == c.durable[0].table {
		keys = append(keys, c.durable[n].key)
		n++
	}
	var t *capture.Table
	if n > 0 {
		t = c.durable[0].table
	}
	c.mu.Unlock()
	if n == 0 {
		return false, nil
	}
	err = c.delete(ctx, t, keys)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setProblemLocked(t, err)
	if err != nil {
		return true, err
	}
	if c.durable = c.durable[n:]; len(c.durable) == 0 {
		c.durable, c.left = nil, false
	}
	return true, nil
}

// setProblemLocked records whether rows can be deleted, and logs a change.
func (c *Cleanup) setProblemLocked(t *capture.Table, err error) {
	if err == nil {
		c.problem = nil
		return
	}
	if c.problem == nil {
		c.since = time.Now()
		c.log.Warn("rows cannot be deleted", zap.Stringer("table", t), zap.Error(err))
	}
	c.problem = &capture.Problem{
		State:  "cleanup_failed",
		Reason: "rows of " + t.String() + " whose events are published cannot be deleted",
		Fix:    "GRANT DELETE ON " + t.String() + " to the source's role, or remove cleanup = \"delete\" from the outbox block",
		Err:    err,
	}
}

// warning returns why rows cannot be deleted; nil when they can.
func (c *Cleanup) warning() (*capture.Problem, time.Time) {
	if c == nil {
		return nil, time.Time{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem, c.since
}
