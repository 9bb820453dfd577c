package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/sink"
)

// The lag is the age of the oldest commit that is not durable: 0 when all are, growing while a sink is away.
func TestLag(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.script.Commit(1)
		r.waitDurable()
		for i := range 2 {
			if k := d.sink(i); k.LagSeconds != 0 || k.LagBytes != 0 {
				t.Errorf("idle: %+v", k)
			}
		}
		r.stores[0].refuses(errTarget)
		r.stores[0].breaks(errTarget)
		r.pass(time.Second)
		if k := d.sink(0); k.LagSeconds != 0 {
			t.Errorf("away, but nothing is to be written: %+v", k)
		}
		held := d.sink(0).Durable
		r.script.Commit(1)
		r.pass(30 * time.Second)
		r.script.Commit(1)
		r.pass(30 * time.Second)
		k := d.sink(0)
		if k.LagSeconds != 60 || k.LagBytes != int64(r.script.End()-held.LSN) || k.Durable != held {
			t.Errorf("away for 60 s: %+v", k)
		}
		if k := d.sink(1); k.LagSeconds != 0 || k.LagBytes != 0 {
			t.Errorf("the other: %+v", k)
		}
		if v := d.value("lag_seconds", "p", "sink0"); v != 60 {
			t.Errorf("the metric says %v", v)
		}
		if v := d.value("oldest_unconfirmed_seconds", "p"); v != 60 {
			t.Errorf("the oldest is %v", v)
		}
		// An empty batch is no lag in time.
		r.script.Idle(800)
		r.stores[0].refuses(nil)
		r.waitDurable()
		if k := d.sink(0); k.LagSeconds != 0 || k.LagBytes != 0 {
			t.Errorf("back: %+v", k)
		}
		r.complete()
	}, newStore(), newStore())
}

// A stream that starts again, and a sink that rewinds, keep the age of what waits.
func TestLagOverARewind(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.window = 300
		d := r.start()
		r.stores[0].block()
		for range 20 {
			r.script.Commit(1)
		}
		r.pass(10 * time.Second)
		r.script.Cut()
		r.pass(10 * time.Second)
		r.stores[0].set(func() { r.stores[0].loses = true })
		r.stores[0].breaks(errTarget)
		r.pass(10 * time.Second)
		if k := d.sink(0); k.LagSeconds != 30 {
			t.Errorf("%+v", k)
		}
		r.stores[0].unblock()
		r.waitDurable()
		r.complete()
		if k := d.sink(0); k.LagSeconds != 0 {
			t.Errorf("%+v", k)
		}
	}, newStore())
}

// What a target lost after it was durable is pending again, as old as it is: within the window, and where the stream starts again.
func TestLagOfWhatWasDurableAndLost(t *testing.T) {
	streams := map[string]int{"in the window": 1, "behind the window": 2}
	for name, window := range map[string]int64{"in the window": 1 << 20, "behind the window": 200} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, r *rig) {
				r.window = window
				d := r.start()
				r.stores[1].block() // the slot stands still
				for range 4 {
					r.script.Commit(1)
					r.pass(10 * time.Second)
				}
				if k := d.sink(0); k.LagSeconds != 0 {
					t.Fatalf("all is held: %+v", k)
				}
				r.stores[0].block()
				r.script.Commit(1)
				r.stores[0].set(func() { r.stores[0].loses = true })
				r.stores[0].lose(4) // two steps a transaction
				r.stores[0].breaks(errTarget)
				r.pass(5 * time.Second)
				if k := d.sink(0); k.LagSeconds != 25 {
					t.Errorf("two of four are lost: %+v", k)
				}
				if n := d.source.Streams(); n != streams[name] {
					t.Errorf("%d streams", n)
				}
				r.stores[0].unblock()
				r.stores[1].unblock()
				r.waitDurable()
				r.complete()
				for i := range 2 {
					if k := d.sink(i); k.LagSeconds != 0 {
						t.Errorf("all is held again: %+v", k)
					}
				}
			}, newStore(), newStore())
		})
	}
}

// The counters and the histogram: every change once, every event once a sink, one delivery a batch of changes.
func TestCounters(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Commit(1, 2, 3)
		d := r.start()
		r.script.Commit(4)
		r.pass(10 * time.Second)
		r.script.Commit(5)
		r.waitDurable()
		r.script.Idle(80)
		r.pass(time.Second)
		r.complete()
		d.source.Stall()
		for name, want := range map[string]float64{
			"window_bytes": 0, "pipeline_halted": 0, "source_connected": 1, "slot_retained_bytes": 0, "source_stalls_total": 1,
		} {
			if got := d.value(name, "p"); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if got := d.changes(); got != 2+3 {
			t.Errorf("%v changes were read", got)
		}
		families, err := d.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if findings, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(findings) > 0 {
			t.Errorf("promlint: %v, %v", findings, err)
		}
		for i, name := range []string{"sink0", "sink1"} {
			if got := d.value("events_total", "p", name); got != 5 || d.sink(i).Events != 5 {
				t.Errorf("events of %s: %v, %d", name, got, d.sink(i).Events)
			}
			if got := d.value("delivery_seconds", "p", name); got != 3 {
				t.Errorf("deliveries to %s: %v", name, got)
			}
		}
		if got := d.value("slot_state", "p", "active"); got != 1 {
			t.Errorf("slot_state: %v", got)
		}
		if got := d.value("pipeline_role", "p", "active"); got != 1 {
			t.Errorf("role: %v", got)
		}
		if got := d.value("sink_state", "ok", "p", "sink1", "streaming"); got != 1 {
			t.Errorf("sink_state: %v", got)
		}
		if got := d.value("pipeline_state", "ok", "p", "streaming"); got != 1 {
			t.Errorf("pipeline_state: %v", got)
		}
		if got := d.value("slot_safe_bytes", "p"); got != -1 {
			t.Errorf("an unknown size is shown as %v", got)
		}
		if got := d.value("window_wait_seconds_total", "p", "source"); got < 69 || got > 71.1 {
			t.Errorf("waited %v s for the source", got)
		}
	}, newStore(), newStore())
}

// A pipeline that has ended is no longer in the metrics.
func TestMetricsEndWithThePipeline(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		if d.value("pipeline_role", "p", "active") != 1 {
			t.Fatal("not there while it runs")
		}
		d.stop()
		if got := d.value("pipeline_role", "p", "active"); got != -1 {
			t.Errorf("%v", got)
		}
	}, newStore())
}

// The status of each time of a life.
func TestStatusOfALife(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.script.Take(0)
		d := r.make()
		if st := d.Status(); st.Role != Starting || st.State.Name != "starting" || st.State.Kind != OK {
			t.Errorf("not started: %s, %+v", st.Role, st.State)
		}
		d.run()
		r.pass(5 * time.Second)
		if st := d.Status(); st.Role != Standby || st.State.Name != "standby" || st.Source.Connected {
			t.Errorf("the slot is another's: %+v", st)
		}
		r.stores[0].refuses(errTarget)
		r.script.Leave()
		r.pass(5 * time.Second)
		if st := d.Status(); st.Role != Active || st.State.Name != "opening" || st.Sinks[0].State.Name != "sink_error" {
			t.Errorf("a sink is away at the start: %+v", st)
		}
		r.stores[0].refuses(nil)
		r.waitDurable()
		st := d.Status()
		if st.Role != Active || st.State.Name != "streaming" || st.Source.Confirmed.LSN != r.script.End() || st.Source.End != r.script.End() {
			t.Errorf("at work: %+v", st)
		}
		since := st.State.Since
		r.pass(time.Minute)
		if got := d.Status().State.Since; got != since {
			t.Errorf("the state is said to be since %s, it is since %s", got, since)
		}
		if end, err := d.End(t.Context()); err != nil || end != r.script.End() {
			t.Errorf("End is %s, %v", end, err)
		}
		if _, err := json.Marshal(st); err != nil {
			t.Error(err)
		}
	}, newStore())
}

// Between two streams the slot is free, and another daemon may take it: the pipeline must not be said to stream, however the
// end of a stream and a look at the status meet.
func TestStatusBetweenTwoStreams(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		looked := &lookedAt{gate: make(chan struct{})}
		r.source = func(s *capturetest.Source) capture.Source {
			streams := 0
			s.Hook = func() {
				if streams++; streams > 1 {
					<-looked.gate
				}
			}
			looked.Source = s
			return looked
		}
		r.script.Drop()
		r.script.Commit(1, 2, 3)
		r.stores[0].limit = 1
		r.stores[0].block()
		d := r.start()
		looked.within = func() { // the snapshot ends while the status is read
			r.stores[0].unblock()
			r.waitDurable()
		}
		if st := d.Status(); st.State.Name != "opening" || st.Role != Active {
			t.Errorf("after the snapshot: %s, %+v", st.Role, st.State)
		}
		looked.gate <- struct{}{}
		r.waitDurable()
		if st := d.Status(); st.State.Name != "streaming" {
			t.Errorf("at work: %+v", st.State)
		}
		looked.left = func() {
			if st := d.Status(); st.State.Name != "source_unreachable" || st.State.Kind != Retrying {
				t.Errorf("its connection was cut: %+v", st.State)
			}
		}
		r.script.Cut()
		looked.gate <- struct{}{}
		r.waitDurable()
		if looked.left != nil {
			t.Error("no stream has ended")
		}
		close(looked.gate)
		r.complete()
	}, newStore())
}

// lookedAt is a source that lets something happen while a status is read, and at the end of a stream.
type lookedAt struct {
	*capturetest.Source
	within, left func() // nil: nothing; each once
	gate         chan struct{}
}

func (l *lookedAt) Health() capture.Health {
	if f := l.within; f != nil {
		l.within = nil
		f()
	}
	return l.Source.Health()
}

func (l *lookedAt) Run(ctx context.Context, report func(error), serve func(context.Context, capture.Stream) error) error {
	return l.Source.Run(ctx, report, func(ctx context.Context, s capture.Stream) error {
		err := serve(ctx, s)
		if f := l.left; f != nil {
			l.left = nil
			f()
		}
		return err
	})
}

func TestPending(t *testing.T) {
	var p pending
	start := time.Unix(1000, 0)
	observed := 0
	hold := func(lsn capture.LSN) { p.setDurable(at(lsn), func(time.Time) { observed++ }) }
	add := func(end capture.Position, at time.Time) { p.add(&capture.Batch{End: end, Time: at}) }
	for i := range 5 {
		add(at(capture.LSN(100*(i+1))), start.Add(time.Duration(i)*time.Second))
	}
	add(at(300), start.Add(time.Hour)) // the stream started again
	now := start.Add(10 * time.Second)
	for _, c := range []struct {
		held     capture.LSN
		age      time.Duration
		observed int
	}{{0, 10 * time.Second, 0}, {99, 10 * time.Second, 0}, {100, 9 * time.Second, 1}, {350, 7 * time.Second, 3}, {500, 0, 5}, {900, 0, 5}} {
		if hold(c.held); p.age(now) != c.age || observed != c.observed {
			t.Errorf("held %d: age %s, %d observed", c.held, p.age(now), observed)
		}
	}
	// What was durable and is lost is added again, each once and in order; what is still pending is not.
	for _, lsn := range []capture.LSN{600, 700} {
		add(at(lsn), now)
	}
	hold(600)
	p.markLost(at(600))
	for _, lsn := range []capture.LSN{400, 500, 500, 600, 650, 700} {
		add(at(lsn), now.Add(-time.Duration(lsn)*time.Second))
	}
	if len(p.marks) != 4 || p.age(now) != 400*time.Second {
		t.Errorf("%+v", p.marks)
	}
	if hold(600); len(p.marks) != 1 {
		t.Errorf("%+v", p.marks)
	}
	if add(at(500), now); len(p.marks) != 1 {
		t.Error("it is held again, and noted")
	}
	hold(700)
	add(at(1000), now.Add(time.Minute)) // by a clock that is ahead of ours
	if p.age(now) != 0 {
		t.Error("a negative age")
	}
}

// What the server waits for is the state of a pipeline that streams, and of no other.
func TestStatusOfAServerThatWaits(t *testing.T) {
	since := time.Unix(1000, 0)
	waiting := capture.Health{
		Copying: true, WaitingSince: since,
		Waiting: &capture.Problem{State: "waiting_for_standby", Reason: "no standby is connected", Fix: "start it"},
	}
	for _, c := range []struct{ state, want, kind string }{{"streaming", "waiting_for_standby", Retrying}, {"opening", "opening", OK}} {
		s := Status{State: State{Name: c.state, Kind: OK}}
		s.observe(waiting)
		if s.State.Name != c.want || s.State.Kind != c.kind || c.want != c.state && (s.State.Fix != "start it" || !s.State.Since.Equal(since)) {
			t.Errorf("%s: %+v", c.state, s.State)
		}
	}
}

// What a source warns of is the state of a pipeline that streams, with a kind of its own; a problem comes first.
func TestStatusOfASourceThatWarns(t *testing.T) {
	since := time.Unix(1000, 0)
	warning := &capture.Problem{State: "tables_unpublished", Reason: "public.w", Fix: "restart"}
	second := &capture.Problem{State: "rows_not_copied", Reason: "public.x", Fix: "copy"}
	for _, c := range []struct {
		health            capture.Health
		state, want, kind string
	}{
		{capture.Health{}, "streaming", "tables_unpublished", Warning},
		{capture.Health{}, "opening", "opening", OK},
		{capture.Health{Copying: true}, "streaming", "snapshot", OK},
		{capture.Health{Waiting: &capture.Problem{State: "waiting_for_standby"}}, "streaming", "waiting_for_standby", Retrying},
	} {
		c.health.Warnings, c.health.Unpublished = []capture.ActiveWarning{{Problem: warning, Since: since}, {Problem: second, Since: since}}, 1
		s := Status{State: State{Name: c.state, Kind: OK}}
		s.observe(c.health)
		if s.State.Name != c.want || s.State.Kind != c.kind || s.Source.Unpublished != 1 ||
			c.kind == Warning && (s.State.Fix != "restart" || !s.State.Since.Equal(since)) {
			t.Errorf("%s: %+v", c.state, s.State)
		}
		want := []State{{Name: "rows_not_copied", Kind: Warning, Reason: "public.x", Fix: "copy", Since: since.UTC()}}
		if c.kind != Warning {
			want = nil
		}
		if !slices.Equal(s.Warnings, want) {
			t.Errorf("%s: %+v", c.state, s.Warnings)
		}
	}
}

// What a sink warns of is its state while it works, with a kind of its own; a problem comes first.
func TestStatusOfASinkThatWarns(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		d := r.start()
		r.waitDurable()
		since := time.Now().Add(-time.Hour)
		warning := &capture.Problem{State: "progress_expires", Reason: "the topic deletes records", Fix: "let it keep them"}
		r.stores[0].set(func() { r.stores[0].health = sink.Health{Warning: warning, Since: since} })
		want := State{Name: "progress_expires", Kind: Warning, Reason: warning.Reason, Fix: warning.Fix, Since: since.UTC()}
		if got := d.sink(0).State; got != want {
			t.Errorf("%+v", got)
		}
		if got := d.value("sink_state", Warning, "p", "sink0", "progress_expires"); got != 1 {
			t.Errorf("sink_state: %v", got)
		}
		r.script.Commit(1)
		r.waitDurable()
		r.stores[0].refuses(errTarget)
		r.stores[0].breaks(errTarget)
		r.pass(time.Second)
		if got := d.sink(0).State; got.Name != "sink_error" || got.Kind != Retrying {
			t.Errorf("with a problem: %+v", got)
		}
		r.stores[0].refuses(nil)
		r.waitDurable()
		if got := d.sink(0).State; got != want {
			t.Errorf("back: %+v", got)
		}
		r.stores[0].set(func() { r.stores[0].health = sink.Health{} })
		if got := d.sink(0).State; got.Name != "streaming" || got.Kind != OK {
			t.Errorf("recovered: %+v", got)
		}
	}, newStore())
}
