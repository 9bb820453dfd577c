package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/pipeline"
)

// tour is the sequence of steps.
type tour struct {
	*stage
	once bool
}

func (t *tour) run(ctx context.Context) error {
	for i, step := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Getting ready", t.setUp},
		{"The daemon starts: tailrace run examples/demo", t.start},
		{"The way of one row", t.follow},
		{"Rows become domain events", t.domainEvents},
		{"A busy shop", t.load},
		{"The daemon loses its connection, under load", t.cut},
		{"The daemon is stopped, and later killed, under load", t.restart},
		{"Look around", t.lookAround},
	} {
		if i > 1 {
			if err := t.screen.pause(ctx); err != nil {
				return err
			}
		}
		t.screen.step(step.title)
		if err := step.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// start starts the daemon and waits for the rows that existed before it.
func (t *tour) start(ctx context.Context) error {
	begin := time.Now()
	if err := t.daemon.start(); err != nil {
		return err
	}
	t.screen.line("status page  %s", t.daemon.url)
	t.screen.line("its log      %s", t.daemon.logPath)
	err := t.until(ctx, "the snapshot to arrive", func() (bool, error) {
		reads, _, _, err := t.consumer.totals()
		return reads == stock, err
	})
	if err != nil {
		return err
	}
	if err := t.streaming(ctx); err != nil {
		return err
	}
	t.screen.line("snapshot     the %s orders of the shop are in topic %s, %s after the start", count(stock), topic,
		short(time.Since(begin)))
	return nil
}

// streaming waits until the pipeline and its sinks are healthy, with the stream that follows the snapshot.
func (t *tour) streaming(ctx context.Context) error {
	return t.until(ctx, "the pipeline to stream", func() (bool, error) {
		st, err := t.daemon.status(ctx)
		if err != nil {
			return false, nil // it does not listen yet
		}
		return st.State.Name == "streaming" && st.Source.Connected &&
			st.Sinks[0].State.Kind == pipeline.OK && st.Sinks[1].State.Kind == pipeline.OK, nil
	})
}

// follow shows three changes of one row, each with the event that it became.
func (t *tour) follow(ctx context.Context) error {
	const id = stock + 1 // no other goroutine writes yet
	t.consumer.watch(id)
	for i, change := range []struct {
		shown string
		run   func() error
	}{
		{"INSERT of an order", func() error { _, err := t.shop.insert(ctx, t.shop.desk); return err }},
		{"UPDATE of its status", func() error { return t.shop.change(ctx, t.shop.desk, updateSQL, id, id) }},
		{"DELETE", func() error { return t.shop.change(ctx, t.shop.desk, deleteSQL, id) }},
	} {
		if err := change.run(); err != nil {
			return err
		}
		committed := time.Now()
		err := t.until(ctx, "the event", func() (bool, error) { return len(t.consumer.seen(id)) > i, nil })
		if err != nil {
			return err
		}
		t.showEvent(change.shown, t.consumer.seen(id)[i], committed)
	}
	return t.account(ctx)
}

func (t *tour) showEvent(change string, a arrival, committed time.Time) {
	t.screen.line("%s", change)
	t.screen.line("  -> partition %d offset %d, %s after the commit returned", a.record.Partition, a.record.Offset,
		short(max(0, a.at.Sub(committed))))
	for _, h := range a.record.Headers {
		if h.Key == "ce_type" || h.Key == "ce_id" {
			t.screen.line("     %-7s %s", h.Key, h.Value)
		}
	}
	t.screen.line("     %-7s %s", "key", a.record.Key)
	t.screen.line("     %-7s %s", "value", a.record.Value)
}

// load lets the shop write for a while and shows how far Kafka lags.
func (t *tour) load(ctx context.Context) error {
	t.shop.open()
	for range 3 {
		if err := t.second(ctx); err != nil {
			return err
		}
	}
	return t.account(ctx)
}

// second waits for a second and prints the lag at its end.
func (t *tour) second(ctx context.Context) error {
	before := t.shop.written.Load()
	if err := t.pass(ctx, time.Second); err != nil {
		return err
	}
	st, err := t.daemon.status(ctx)
	if err != nil {
		return err
	}
	t.screen.line("%6s changes/s written, lag %.3f s, %d bytes in flight", count(t.shop.written.Load()-before),
		st.Sinks[0].LagSeconds, st.Window.Bytes)
	return nil
}

// cut terminates the server's side of the stream, as a failing network or a DBA would.
func (t *tour) cut(ctx context.Context) error {
	t.shop.open()
	if err := t.pass(ctx, time.Second); err != nil {
		return err
	}
	for range 3 {
		pid, _, err := t.shop.slot(ctx)
		if err != nil {
			return err
		}
		if _, err := t.shop.desk.Exec(ctx, "SELECT pg_terminate_backend($1)", pid); err != nil {
			return fmt.Errorf("end the walsender: %w", err)
		}
		begin, next := time.Now(), int64(0)
		err = t.until(ctx, "the daemon to connect again", func() (bool, error) {
			next, _, err = t.shop.slot(ctx)
			return next != 0 && next != pid, err
		})
		if err != nil {
			return err
		}
		t.screen.line("SELECT pg_terminate_backend(%d): the next walsender is %d, after %s", pid, next, short(time.Since(begin)))
		if err := t.pass(ctx, time.Second); err != nil {
			return err
		}
	}
	return t.account(ctx)
}

// restart stops the daemon's process while the shop goes on writing, first with SIGTERM and then with SIGKILL.
func (t *tour) restart(ctx context.Context) error {
	t.shop.open()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := t.pass(ctx, time.Second); err != nil {
			return err
		}
		begin := time.Now()
		state, err := t.daemon.end(s)
		if err != nil {
			return err
		}
		if s == syscall.SIGTERM && state.ExitCode() != 0 {
			return fmt.Errorf("after SIGTERM tailrace ended with %s", state)
		}
		t.screen.line("%-8s it ended after %s: %s", map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGKILL: "kill -9"}[s],
			short(time.Since(begin)), state)
		written := t.shop.written.Load()
		if err := t.pass(ctx, 2*time.Second); err != nil {
			return err
		}
		_, kept, err := t.shop.slot(ctx)
		if err != nil {
			return err
		}
		t.screen.line("         meanwhile the shop writes %s changes; the slot keeps %s KiB of WAL", count(t.shop.written.Load()-written),
			count(kept/1024))
		if err := t.resume(ctx); err != nil {
			return err
		}
	}
	return t.account(ctx)
}

// resume starts the daemon again, which finds its position by itself.
func (t *tour) resume(ctx context.Context) error {
	begin, target := time.Now(), t.shop.written.Load()
	if err := t.daemon.start(); err != nil {
		return err
	}
	err := t.until(ctx, "what was written meanwhile", func() (bool, error) {
		_, fresh, _, err := t.consumer.totals()
		return fresh >= target, err
	})
	if err != nil {
		return err
	}
	t.screen.line("         started again: all of it is in the topic after %s", short(time.Since(begin)))
	return nil
}

// account closes the shop, waits for the last event, and compares the topic with the table.
func (t *tour) account(ctx context.Context) error {
	if err := t.shop.shut(); err != nil {
		return err
	}
	written := t.shop.written.Load()
	err := t.until(ctx, "the last event", func() (bool, error) {
		_, fresh, _, err := t.consumer.totals()
		return fresh >= written, err
	})
	_, fresh, again, _ := t.consumer.totals()
	if err != nil {
		return fmt.Errorf("%w\nof %d changes %d have arrived", err, written, fresh)
	}
	table, err := t.shop.versions(ctx)
	if err == nil {
		err = t.consumer.compare(table)
	}
	if err == nil && fresh != written {
		err = fmt.Errorf("%d changes were written, %d have arrived", written, fresh)
	}
	if err != nil {
		return err
	}
	t.screen.line("so far %s changes are committed, and %s have arrived: none is missing, none is out of order (%s came twice)",
		count(written), count(fresh), count(again))
	return t.caughtUp(ctx)
}

// caughtUp waits until the daemon itself reports that nothing is pending.
func (t *tour) caughtUp(ctx context.Context) error {
	return t.until(ctx, "the lag to become 0", func() (bool, error) {
		st, err := t.daemon.status(ctx)
		return err == nil && st.Sinks[0].LagSeconds == 0 && st.Sinks[1].LagSeconds == 0, err
	})
}

// lookAround prints where to look; without -once the shop goes on writing until Ctrl-C.
func (t *tour) lookAround(ctx context.Context) error {
	t.screen.line("metrics      %s/metrics", t.daemon.url)
	t.screen.line("the file     examples/demo/shop.hcl")
	t.screen.line("your own     tailrace check FILE, then tailrace run FILE: see README.md")
	if t.once {
		return nil
	}
	t.screen.line("status page  %s", t.daemon.url)
	t.screen.line("")
	t.screen.line("The shop goes on writing. Ctrl-C ends everything.")
	t.shop.open()
	for {
		before := t.shop.written.Load()
		if err := t.pass(ctx, 2*time.Second); err != nil {
			return err
		}
		_, fresh, _, _ := t.consumer.totals()
		lag := "unknown: the daemon does not answer"
		if st, err := t.daemon.status(ctx); err == nil {
			lag = fmt.Sprintf("%.3f s", st.Sinks[0].LagSeconds)
		}
		t.screen.live("%s changes/s written, %s events have arrived, lag %s", count((t.shop.written.Load()-before)/2),
			count(fresh), lag)
	}
}

// pass waits for a time, in which no error may occur.
func (t *tour) pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-t.shop.failed:
		return err
	case <-time.After(d):
	}
	_, _, _, err := t.consumer.totals()
	return err
}

// until waits until done returns true.
func (t *tour) until(ctx context.Context, what string, done func() (bool, error)) error {
	for deadline := time.Now().Add(patience); ; {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if err := t.daemon.gone(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s for %s, in vain", patience, what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}
