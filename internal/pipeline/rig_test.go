package pipeline

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/transform"
)

// rig is a scripted server, the targets of its sinks, and the daemons between them.
type rig struct {
	t       *testing.T
	script  *capturetest.Script
	stores  []*store
	chain   *transform.Chain  // of the first sink
	summed  bool              // every sink's chain also makes the sums of transactions
	mask    transform.RowMask // of the pipeline; nil: none
	window  int64
	source  func(*capturetest.Source) capture.Source // what a daemon gets instead of its source; nil: that one
	begin   startrule.Begin                          // of every sink
	copied  bool                                     // there was a first start, which may have begun from scratch
	daemons []*daemon
}

// daemon is a pipeline that runs.
type daemon struct {
	*Pipeline
	rig      *rig
	source   *capturetest.Source
	sinks    []*scripted
	log      *observer.ObservedLogs
	registry *prometheus.Registry
	cancel   context.CancelFunc
	done     chan struct{}
	took     time.Duration // from the cancel to the end
	err      error
}

// run runs f in a bubble of its own time, with a rig on the stores.
func run(t *testing.T, f func(*testing.T, *rig), stores ...*store) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		for _, s := range stores {
			s.changed = make(chan struct{}) // one of this bubble
		}
		r := &rig{t: t, script: capturetest.NewScript(), stores: stores, window: 1 << 20, begin: startrule.FromNow}
		defer r.end()
		f(t, r)
	})
}

// end stops what still runs, so that the bubble can end.
func (r *rig) end() {
	for _, s := range r.stores {
		s.unblock()
	}
	for _, d := range r.daemons {
		d.stop()
		if n := d.source.Copies(); n > 0 {
			r.t.Errorf("%d copies of all rows are left open", n)
		}
	}
	for _, s := range r.stores {
		s.set(func() { s.generation, s.control.unfenced = -1, false })
	}
	time.Sleep(time.Minute) // what is on its way comes to its end
	for i, s := range r.stores {
		if s.misused != "" {
			r.t.Errorf("sink%d: %s", i, s.misused)
		}
	}
}

// make makes a daemon that does not run yet.
func (r *rig) make() *daemon {
	d := &daemon{rig: r, source: r.script.Source(), registry: prometheus.NewRegistry(), done: make(chan struct{})}
	core, log := observer.New(zapcore.InfoLevel)
	d.log = log
	c := Config{
		Name: "p", Source: d.source, SourceKind: "script", Window: r.window, Log: zap.New(core), Metrics: NewMetrics(d.registry),
	}
	if r.mask != nil {
		c.Masks = []transform.RowMask{r.mask}
	}
	if r.source != nil {
		c.Source = r.source(d.source)
	}
	for i, s := range r.stores {
		k := &scripted{store: s}
		d.sinks = append(d.sinks, k)
		var made sink.Sink = keeping{k}
		if s.forgetful {
			made = k
		}
		c.Sinks = append(c.Sinks, SinkConfig{Name: fmt.Sprint("sink", i), Kind: "scripted", Sink: made, Masks: c.Masks, Begin: r.begin})
	}
	c.Sinks[0].Chain = r.chain
	for i := range c.Sinks {
		if r.summed {
			c.Sinks[i].Chain = sums()
		}
	}
	d.Pipeline = New(c)
	r.daemons = append(r.daemons, d)
	return d
}

func (d *daemon) run() *daemon {
	var ctx context.Context
	ctx, d.cancel = context.WithCancel(d.rig.t.Context())
	go func() {
		defer close(d.done)
		d.err = d.Run(ctx)
	}()
	return d
}

// start starts a daemon, and waits until it has nothing to do.
func (r *rig) start() *daemon {
	d := r.make().run()
	r.pass(time.Second)
	return d
}

// stop ends a daemon in good order.
func (d *daemon) stop() {
	if d.cancel == nil {
		return
	}
	began := time.Now()
	d.cancel()
	<-d.done
	if d.took == 0 {
		d.took = time.Since(began)
	}
	if d.err != nil {
		d.rig.t.Errorf("the daemon ends with %v", d.err)
	}
}

// kill ends a daemon as kill -9 does; the server notices at once.
func (d *daemon) kill() {
	d.source.Kill()
	for _, k := range d.sinks {
		k.mu.Lock()
		k.dead = true
		k.mu.Unlock()
		k.store.mu.Lock()
		for _, w := range k.store.writers {
			if w.sink == k {
				w.err = errTarget
			}
		}
		k.store.wake()
		k.store.mu.Unlock()
	}
	d.rig.script.Cut()
	d.stop()
}

// pass lets time pass and everything come to rest.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// settle gives everything the time to come right by itself.
func (r *rig) waitDurable() { r.pass(time.Minute) }

// complete checks that every target has everything, as it promises, and that all of it is confirmed.
func (r *rig) complete() {
	r.t.Helper()
	if err := r.compare(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) compare() error {
	committed := r.script.Committed()
	if r.summed {
		committed = r.withSums()
	}
	for i, s := range r.stores {
		if err := capturetest.Judge(committed, r.judged(s.seen()), s.once() && capturetest.Once(!r.copied)); err != nil {
			return fmt.Errorf("sink%d: %w\n%s", i, err, r.states())
		}
	}
	if c, end := r.script.Confirmed(), r.script.End(); c != end {
		return fmt.Errorf("confirmed %s, the log ends at %s\n%s", c, end, r.states())
	}
	return nil
}

// states is what the daemons say, for messages.
func (r *rig) states() string {
	s := ""
	for i, d := range r.daemons {
		st := d.Status()
		select {
		case <-d.done:
			s += "ended "
		default:
		}
		s += fmt.Sprintf("daemon %d: %s %s (%s)", i, st.Role, st.State.Name, st.State.Reason)
		for _, k := range st.Sinks {
			s += fmt.Sprintf("; %s %s accepted %s held %s (%s)", k.Name, k.State.Name, k.Accepted, k.Durable, k.State.Reason)
		}
		s += "\n"
	}
	return s
}

// sink is a sink's status.
func (d *daemon) sink(i int) SinkStatus { return d.Status().Sinks[i] }

// is checks the name of a sink's state.
func (d *daemon) is(i int, state string) {
	d.rig.t.Helper()
	if got := d.sink(i).State; got.Name != state {
		d.rig.t.Fatalf("sink%d is %q (%s), want %q", i, got.Name, got.Reason, state)
	}
}

// stays checks that a sink is in a state for so long, without a moment in another: each would be in the log.
func (d *daemon) stays(i int, state string, long time.Duration) {
	d.rig.t.Helper()
	d.is(i, state)
	since, lines := d.sink(i).State.Since, d.log.Len()
	d.rig.pass(long)
	d.is(i, state)
	if at := d.sink(i).State.Since; at != since || d.log.Len() != lines {
		d.rig.t.Errorf("sink%d is %q since %s and was before, since %s; the log: %v", i, state, at, since, d.log.All()[lines:])
	}
}

// value is that of a series, by its name and the values of its labels in the order of their names; -1 when it is not
// there. A histogram's value is its count.
// changes is the sum of changes_total over the operations.
func (d *daemon) changes() (sum float64) {
	for op := capture.Insert; op <= capture.Message; op++ {
		sum += max(0, d.value("changes_total", op.String(), "p"))
	}
	return sum
}

func (d *daemon) value(name string, labels ...string) float64 {
	d.rig.t.Helper()
	families, err := d.registry.Gather()
	if err != nil {
		d.rig.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetValue())
			}
			if f.GetName() != "tailrace_"+name || fmt.Sprint(have) != fmt.Sprint(labels) {
				continue
			}
			switch {
			case m.GetHistogram() != nil:
				return float64(m.GetHistogram().GetSampleCount())
			case m.GetCounter() != nil:
				return m.GetCounter().GetValue()
			}
			return m.GetGauge().GetValue()
		}
	}
	return -1
}
