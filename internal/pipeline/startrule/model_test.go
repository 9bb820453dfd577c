package startrule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// The model is a source, two daemons and one or two sinks, in every order of what can happen to them within small bounds. A
// daemon decides by CheckGap alone, the operator by Accept. The property: when a sink passes, every row of the source that stands
// before the position from which it goes on is in the sink, unless the operator has accepted that it is not.

// model is a variant: how many sinks there are, what the server can tell, and the controls.
type model struct {
	sinks       int
	tells       bool // the server knows its commits
	idles       bool // with idle WAL, else with alterations of the publication
	inMemory    bool // control: a verdict is kept by the daemon only
	remembersIt bool // control: what a stream was refused for is remembered as recorded
	onePasses   bool // control: the lane runs when one of its sinks passes
	joins       bool // the target may be made new, and gets a copy; with one sink
	partCounts  bool // control: a record from within a copy counts
	lets        bool // control: the slot is confirmed while the sink is joining
	deaf        bool // control: the verdicts of the lane's other sinks do not count
	// acceptsAtOnce is a control: an acceptance does not write first what stands for the sinks.
	acceptsAtOnce bool
	ends          bool // an acceptance may end after some of its records
	advances      bool // the slot may be advanced of a source that was put back; nothing else is wrong then
	forgetsSlot   bool // control: a verdict does not tell how far the slot was confirmed
	shown         map[string]bool
	asked         map[question]answer
}

// answer is what was judged.
type answer struct {
	sink     Sink
	decision Decision
}

func (m *model) String() string {
	return fmt.Sprintf("sinks: %d, the server tells its commits: %v, idle WAL: %v, joins: %v, acceptances end: %v, the slot is advanced: %v", m.sinks,
		m.tells, m.idles, m.joins, m.ends, m.advances)
}

// step is one thing that happens, where it can.
type step struct {
	name string
	do   func(*world) (possible bool, err error)
}

// plain is a step that never shows a violation.
func plain(name string, can func(*world) bool, do func(*world)) step {
	return step{name, func(w *world) (bool, error) {
		if !can(w) {
			return false, nil
		}
		do(w)
		return true, nil
	}}
}

// steps are all that can happen.
func (m *model) steps() []step {
	return slices.Concat(m.writing(), m.faults(), m.delivering(), m.joining(), m.looks(), m.accepting())
}

// writing is what the application and the administrator do.
func (m *model) writing() []step {
	// Without commits that the server can tell, a source that was put back is only known while it is behind a sink: that
	// a daemon looks at one before it has overtaken all is what the product cannot do without (decision 17). No server can tell
	// the end of a copy, which is no transaction (decision 22).
	room := func(w *world) bool { return w.end < mostLog && (!w.blind || !m.hides(w)) }
	return []step{
		plain("write", func(w *world) bool { return w.writes > 0 && room(w) }, func(w *world) {
			w.writes--
			w.rows++
			w.append(entry{w.rows, !w.out})
		}),
		plain("idle", func(w *world) bool { return w.idles > 0 && room(w) }, func(w *world) {
			w.idles--
			w.append(entry{})
		}),
		plain("alter", func(w *world) bool { return w.alters > 0 }, func(w *world) {
			w.alters--
			w.alter()
		}),
	}
}

// hides reports whether one more entry of the WAL hides that the source was put back: there are sinks whose last commit is
// gone, and none of them would be beyond the end of the WAL any more.
func (m *model) hides(w *world) bool {
	gone := false
	for i := range m.sinks {
		r := &w.sinks[i].record
		switch {
		case !r.copied && (m.tells || r.row == 0 || w.log[r.commit].row == r.row):
		case w.end+1 < r.position:
			return false
		default:
			gone = true
		}
	}
	return gone
}

// faults are those of the source.
func (m *model) faults() []step {
	return []step{
		plain("backup", func(w *world) bool { return w.backup.end == 0xFF && w.faults > 0 }, func(w *world) { w.backup = w.history }),
		plain("restore", func(w *world) bool { return w.backup.end != 0xFF && w.faults > 0 }, func(w *world) {
			w.faults--
			h := w.backup
			w.put(h)
			w.blind = true
		}),
		plain("promote", func(w *world) bool { return w.backup.end != 0xFF && w.faults > 0 && w.timeline == 1 }, func(w *world) {
			w.faults--
			h := w.backup
			h.timeline, h.branch = 2, h.end
			w.put(h)
		}),
		plain("advance the slot", func(w *world) bool { return w.owner == noDaemon && w.faults > 0 && w.confirmed < w.end }, func(w *world) {
			w.faults--
			w.confirmed = w.end
		}),
	}
}

// delivering is what a stream does that has passed, and how it ends.
func (m *model) delivering() []step {
	all := []step{
		plain("watch", func(w *world) bool { return (w.flows || w.joins) && w.seen != w.edition }, (*world).stop),
		plain("let go", func(w *world) bool { return w.owner != noDaemon }, (*world).stop),
	}
	for i := range m.sinks {
		all = append(all, plain(fmt.Sprintf("deliver to sink %d", i+1),
			func(w *world) bool { return w.flows && w.sinks[i].record.position < w.end },
			func(w *world) { m.deliver(w, &w.sinks[i]) }))
	}
	return all
}

// looks are those of the daemons, at all sinks or at one when the other does not answer.
func (m *model) looks() (all []step) {
	answers := [][]int{{0}}
	switch {
	case m.idles && m.sinks > 1: // there are more orders of other things
		answers = [][]int{{0, 1}, {0}, {1}}
	case m.sinks > 1:
		answers = [][]int{{0, 1}, {1, 0}, {0}, {1}}
	}
	for d := range uint8(daemons) {
		for _, answer := range answers {
			name := fmt.Sprintf("daemon %d looks", d+1)
			if m.sinks > 1 {
				name += fmt.Sprintf(" at sink %d %s", answer[0]+1, map[bool]string{true: "alone", false: "first"}[len(answer) < m.sinks])
			}
			all = append(all, step{name, func(w *world) (bool, error) {
				if w.owner != noDaemon && (w.owner != d || w.flows || w.joins) {
					return false, nil // another one has the slot, and this one is a standby
				}
				return true, m.look(w, d, answer)
			}})
		}
		all = append(all, step{fmt.Sprintf("daemon %d is started again", d+1), func(w *world) (bool, error) {
			if w.crashes == 0 || !w.forget(d) {
				return false, nil
			}
			w.crashes--
			return true, nil
		}})
	}
	return all
}

// first is a source with one row, which the sinks hold, and a daemon that streams. Two sinks have smaller budgets: there are
// more orders of what happens.
func (m *model) first() world {
	w := world{owner: 0, flows: true, writes: 2, alters: 2, faults: 1, crashes: 1, word: 1}
	if m.idles {
		w.alters, w.idles = 1, 2
	}
	if m.joins {
		w.alters, w.wipes = 1, 2
	}
	if m.sinks > 1 {
		w.alters, w.idles = min(w.alters, 1), min(w.idles, 1)
	}
	if m.advances {
		w.alters, w.faults = 0, 2
	}
	w.timeline, w.backup.end = 1, 0xFF
	w.rows = 1
	w.append(entry{1, true})
	for i := range m.sinks {
		w.sinks[i].record.timeline = 1
		m.deliver(&w, &w.sinks[i])
	}
	return w
}

// memoryless reports whether no daemon of the variant remembers anything.
func (m *model) memoryless() bool { return !m.inMemory && !m.remembersIt }

// state is a world that can come about, and from which other one by which step.
type state struct {
	world
	from int
	by   *step
}

// explore goes through every state, breadth first, and returns the shortest way to a violation; nil: there is none.
func (m *model) explore() (states int, trail []string) {
	m.shown, m.asked = map[string]bool{}, map[question]answer{}
	all := []state{{world: m.first()}}
	seen := map[world]bool{all[0].world: true}
	steps := m.steps()
	for at := 0; at < len(all); at++ {
		for i := range steps {
			next := all[at].world
			possible, err := steps[i].do(&next)
			if err != nil {
				trail = []string{steps[i].name + ": " + err.Error()}
				for ; at > 0; at = all[at].from {
					trail = append(trail, all[at].by.name)
				}
				slices.Reverse(trail)
				return len(all), trail
			}
			if m.memoryless() && next.owner == 1 {
				next.owner = 0 // daemons without a memory are alike
			}
			if m.sinks > 1 {
				next.sort()
			}
			if possible && !seen[next] {
				seen[next] = true
				all = append(all, state{next, at, &steps[i]})
			}
		}
	}
	return len(all), nil
}

// No row is skipped without a word: in any order of looks, restarts, take-overs, and what happens to the source.
func TestModel(t *testing.T) {
	shown := map[string]bool{}
	for _, m := range []*model{
		{sinks: 1},
		{sinks: 1, tells: true},
		{sinks: 1, idles: true},
		{sinks: 1, tells: true, idles: true},
		{sinks: 1, joins: true},
		{sinks: 1, tells: true, joins: true},
		{sinks: 2},
		{sinks: 2, tells: true},
		{sinks: 2, idles: true},
		{sinks: 2, tells: true, idles: true},
		{sinks: 2, ends: true},
		{sinks: 2, advances: true},
	} {
		began := time.Now()
		states, trail := m.explore()
		t.Logf("%s: %d states in %s", m, states, time.Since(began).Round(time.Millisecond))
		if trail != nil {
			t.Errorf("%s: a row is skipped:\n%s", m, strings.Join(trail, "\n"))
		}
		maps.Copy(shown, m.shown)
	}
	for _, state := range states {
		if !shown[state] {
			t.Errorf("%s never comes up", state)
		}
	}
}

// What the rule was before loses rows in the model, and so does a lane that runs without all of its sinks.
func TestModelControls(t *testing.T) {
	controls := map[string]model{
		"a verdict in memory only":                       {inMemory: true},
		"an origin is remembered before judgement":       {remembersIt: true},
		"the lane runs when one of its sinks has passed": {onePasses: true},
		"a part of a copy counts":                        {joins: true, partCounts: true},
		"the slot is confirmed during a copy":            {joins: true, lets: true},
		"the verdicts of other sinks do not count":       {deaf: true},
		"an acceptance that ends forgets a verdict":      {ends: true, acceptsAtOnce: true},
		"a verdict does not tell of the slot":            {advances: true, forgetsSlot: true},
	}
	for name, m := range controls {
		for m.sinks = 1; m.sinks <= mostSink; m.sinks++ {
			if (m.onePasses || m.deaf || m.ends || m.advances) && m.sinks == 1 || m.joins && m.sinks > 1 {
				continue
			}
			_, trail := m.explore()
			if trail == nil {
				t.Errorf("%s, sinks: %d: nothing is lost", name, m.sinks)
			}
			t.Logf("%s, sinks: %d:\n%s", name, m.sinks, strings.Join(trail, "\n"))
		}
	}
}
