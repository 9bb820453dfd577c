package pipeline

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/internal/pipeline/startrule"
)

var (
	seeds    = flag.Int("seeds", 300, "how many random lives TestRandomLives lives")
	onlySeed = flag.Uint64("seed", 0, "the one seed to live; 0: from 1 on")
)

// Whatever happens to the source, the targets and the daemons, and in whichever order: nothing is lost, everything is in
// order, exactly once where the target can record the position (but for a copy of rows that had to begin from scratch), repeats are tails, and in the end everything is confirmed.
//
// A seed gives the same faults at the same times; what the scheduler and the jitter of waits make of them may differ.
func TestRandomLives(t *testing.T) {
	from, to := uint64(1), uint64(*seeds)
	if *onlySeed > 0 {
		from, to = *onlySeed, *onlySeed
	}
	for seed := from; seed <= to; seed++ {
		if err := live(t, seed, func(*rig) {}); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// The oracles see what they are there for: each of these breaks a rule, and some of the first seeds must show it.
func TestRandomLivesFail(t *testing.T) {
	for name, control := range map[string]func(*rig){
		"confirm accepted": func(r *rig) {
			for _, s := range r.stores {
				s.control.durableAtAccept = true
			}
		},
		"no fencing": func(r *rig) {
			for _, s := range r.stores {
				s.control.unfenced = true
			}
		},
		"durable at the acknowledgement": func(r *rig) { r.stores[0].control.durableAtAck = true },
		"held for an empty batch":        func(r *rig) { r.stores[0].control.emptyDurableAtOnce = true },
	} {
		var found []string
		seed := uint64(1)
		for ; seed <= 600 && len(found) < 5; seed++ {
			if err := live(t, seed, control); err != nil {
				found = append(found, fmt.Sprintf("seed %d: %s", seed, strings.SplitN(err.Error(), "\n", 2)[0]))
			}
		}
		if len(found) == 0 {
			t.Errorf("%s: no oracle notices", name)
			continue
		}
		t.Logf("%s: %d of %d seeds notice; %s", name, len(found), seed-1, found[0])
	}
}

// life is one random run.
type life struct {
	*rig
	*rand.Rand
	active *daemon
	idle   []*daemon // standbys and zombies
	trail  []string
}

// live lives one seed and returns what was wrong with it.
func live(t *testing.T, seed uint64, control func(*rig)) (err error) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, script: capturetest.NewScript(), stores: []*store{newStore(), transactional()}, window: 2000, begin: startrule.FromNow}
		defer r.end()
		control(r)
		r.summed = seed%2 == 0
		l := &life{rig: r, Rand: rand.New(rand.NewPCG(seed, 7))}
		if l.IntN(3) == 0 {
			r.copied = true
			r.script.Drop()
			r.script.Commit(1, 2, 3)
		}
		if l.IntN(3) == 0 && r.copied { // an empty slot from before the first start is no slot that is older
			r.begin = startrule.CopyIfNew
		}
		l.active = r.make().run()
		for range 60 {
			l.step()
		}
		l.heal()
		if err = r.compare(); err != nil {
			err = fmt.Errorf("%w\n%s", err, strings.Join(l.trail, "\n"))
		}
	})
	return err
}

// step is one thing that happens, and some time.
func (l *life) step() {
	acts := []struct {
		weight int
		name   string
		do     func()
	}{
		{30, "commit", func() { l.script.Add(l.transaction()) }},
		{8, "burst", func() {
			for range 20 {
				l.script.Add(l.transaction())
			}
		}},
		{10, "idle", func() { l.script.Idle(8 + l.IntN(1000)) }},
		{6, "cut", l.script.Cut},
		{4, "kill", l.kill},
		{4, "orphan", l.orphan},
		{2, "standby", func() { l.idle = append(l.idle, l.make().run()) }},
		{2, "stop", func() { l.active.stop(); l.active = l.make().run() }},
		{3, "crash", func() { l.script.Crash(l.earlier()) }},
		{1, "promote", func() { l.script.Promote(l.script.End()) }},
		{3, "slow status", func() { l.script.Delay(time.Duration(l.IntN(50)) * time.Millisecond) }},
		{6, "block", func() { l.any().block() }},
		{9, "unblock", func() { l.any().unblock() }},
		{6, "break", func() {
			if s := l.any(); s.opens() > 0 {
				s.breaks(errTarget)
			}
		}},
		{4, "refuse", func() { l.any().refuses(errTarget) }},
		{6, "accept", func() { l.any().refuses(nil) }},
		{4, "lose what is on its way", func() { s := l.any(); s.set(func() { s.loses = !s.loses }) }},
		{4, "replace a target", l.replace},
		{4, "latency", func() { s := l.any(); s.set(func() { s.latency = time.Duration(1+l.IntN(40)) * time.Millisecond }) }},
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	n := l.IntN(total)
	for _, a := range acts {
		if n -= a.weight; n < 0 {
			l.trail = append(l.trail, fmt.Sprintf("%s %s", time.Now().UTC().Format("04:05.000"), a.name))
			a.do()
			break
		}
	}
	time.Sleep(time.Duration(l.IntN(1<<l.IntN(12))) * time.Millisecond)
}

func (l *life) transaction() capturetest.Transaction {
	t := capturetest.Transaction{Joined: l.IntN(3) == 0}
	for range 1 + l.IntN(1<<l.IntN(5)) {
		if n := len(t.Keys); n > 0 && l.IntN(4) == 0 && (len(t.Cuts) == 0 || t.Cuts[len(t.Cuts)-1] < n) {
			t.Cuts = append(t.Cuts, n)
		}
		t.Keys = append(t.Keys, l.IntN(10))
	}
	return t
}

func (l *life) any() *store { return l.stores[l.IntN(len(l.stores))] }

// earlier is a place before what is confirmed, where a slot may go back to.
func (l *life) earlier() capture.LSN {
	c := l.script.Confirmed()
	return c - min(c-0x1000, capture.LSN(l.IntN(40)*8))
}

// kill ends the active daemon as kill -9 does, and starts another.
func (l *life) kill() {
	l.active.kill()
	l.active = l.make().run()
}

// replace stops everything and makes a target new, where sinks get a copy then.
func (l *life) replace() {
	if l.begin != startrule.CopyIfNew {
		return
	}
	for _, d := range append(l.idle, l.active) {
		d.kill()
	}
	l.idle = nil
	l.any().empty()
	l.active = l.make().run()
}

// orphan makes a zombie of the active daemon: it goes on, and another takes over.
func (l *life) orphan() {
	l.script.Orphan()
	l.idle = append(l.idle, l.active)
	l.active = l.make().run()
	if l.IntN(2) == 0 {
		time.Sleep(time.Duration(l.IntN(3000)) * time.Millisecond)
	}
}

// heal ends every fault and gives everything its time.
func (l *life) heal() {
	l.script.Delay(0)
	for _, s := range l.stores {
		s.unblock()
		s.refuses(nil)
		s.set(func() { s.latency = time.Millisecond })
	}
	for _, d := range l.daemons {
		d.source.Cut() // zombies notice
	}
	l.script.Commit(1)
	l.pass(2 * time.Minute)
	l.script.Idle(8)
	l.pass(time.Minute)
}
