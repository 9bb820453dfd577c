package startrule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
)

const (
	mostLog  = 5 // entries of the WAL
	daemons  = 2
	noDaemon = daemons
	mostSink = 2
)

// entry is one of the WAL, which ends at its number + 1. Its LSNs are entries; a commit record starts where its entry does.
type entry struct {
	row       uint8 // 0: nothing for us
	published bool
}

// history is what a backup of the source has: WAL, slot, publication and timeline.
type history struct {
	log       [mostLog]entry
	end       uint8
	confirmed uint8
	out       bool  // the table is taken out of the publication
	edition   uint8 // of the publication
	timeline  uint8 // 1, or 2 after a promotion
	branch    uint8 // where timeline 2 began
}

// rec is a sink's record.
type rec struct {
	position, commit, row uint8 // row: of the commit, which stands for its id and time
	edition               uint8
	timeline, branch      uint8
	verdicts              uint8 // bits of states
	proven                uint8 // how far the slot was confirmed when the sink was found to be ahead
	kind                  uint8 // whole, none or partial
	copied                bool  // the commit is the end of a copy
}

// What a record is.
const (
	whole = iota
	none
	partial // of a copy that is not at its end
)

// editions are how records name them.
var editions = strings.Split("e0 e1 e2 e3 e4 e5 e6 e7 e8", " ")

// states are those of verdicts, as bits.
var states = []string{PublicationAltered, AheadOfSource, TimelineDiverged, Gap}

func bits(v *sink.Verdict) (b uint8) {
	for i, s := range states {
		if v.Find(s) != nil {
			b |= 1 << i
		}
	}
	return b
}

// proven is what an ahead_of_source of the list has of the slot.
func proven(v *sink.Verdict) uint8 {
	if v = v.Find(AheadOfSource); v == nil {
		return 0
	}
	return uint8(v.Confirmed)
}

func list(b, proven uint8) (v *sink.Verdict) {
	for i, s := range states {
		if b>>i&1 == 0 {
			continue
		}
		one := sink.Verdict{State: s, Since: time.Unix(1, 0)}
		if s == AheadOfSource {
			one.Confirmed = capture.LSN(proven)
		}
		v = appendVerdict(v, one)
	}
	return v
}

// target is a sink, and what the daemons make of it.
type target struct {
	holds    uint8 // rows that it has, as bits
	accepted uint8 // rows that the operator knows to be missing
	record   rec
	memory   [daemons]memory
}

// memory is what a daemon keeps of a sink over a stream, in the controls.
type memory struct {
	has    bool
	record rec // what it takes for the sink's record
	told   uint8
}

// world is a state of the model.
type world struct {
	history
	backup   history // taken by the budget; end 0xFF: none yet
	rows     uint8   // that were ever written
	sinks    [mostSink]target
	owner    uint8 // the daemon that has the slot
	flows    bool  // the owner's stream has passed
	joins    bool  // the owner's stream has passed but for the sink, which gets a copy
	point    uint8 // of the copy; 0: it is not open
	seen     uint8 // edition of the owner's stream
	editions uint8 // that there ever were
	writes   uint8 // budgets that are left
	idles    uint8
	alters   uint8
	faults   uint8 // of the source: a restore, a promotion, a slot that is advanced
	crashes  uint8
	word     uint8 // acceptances
	wipes    uint8 // times that the target is made new
	blind    bool  // the source was put back, and no daemon has seen a sink that is ahead of it since
}

// source is what a look sees.
func (w *world) source() Source {
	o := capture.Origin{
		System: 7, Timeline: uint32(w.timeline), Publication: editions[w.edition], Slot: "s",
		Database: capture.Database{OID: 5, Name: "d"},
	}
	if w.timeline == 2 {
		o.History = []capture.Timeline{{ID: 1, End: capture.LSN(w.branch)}}
	}
	return Source{Origin: o, Slot: capture.Slot{Confirmed: capture.LSN(w.confirmed), End: capture.LSN(w.end)}}
}

// question is all that a judgement goes by.
type question struct {
	end, confirmed, timeline, branch, edition uint8
	record                                    rec
	told                                      uint8
	other                                     ahead // of the lane's other sink
	commit                                    capture.Knowledge
}

// ahead is an ahead_of_source that stands for a sink.
type ahead struct {
	is     bool
	proven uint8
}

func aheadIn(v *sink.Verdict) ahead { return ahead{v.Find(AheadOfSource) != nil, proven(v)} }

// ask checks a sink by a record. CheckGap is pure, so it is called once per question.
func (m *model) ask(w *world, r *rec, told uint8, other ahead) (Sink, Decision) {
	if m.deaf {
		other = ahead{}
	}
	if m.forgetsSlot {
		other.proven = 0
	}
	q := question{w.end, w.confirmed, w.timeline, w.branch, w.edition, *r, told, other, capture.CommitUnknown}
	if m.partCounts && r.kind == partial {
		q.record.kind = whole
	}
	if m.tells && r.row != 0 {
		q.commit = capture.CommitAbsent
		if r.commit < w.end && w.log[r.commit].row == r.row {
			q.commit = capture.CommitPresent
		}
	}
	a, known := m.asked[q]
	if !known {
		a.sink = w.known(&q)
		a.decision = CheckGap(w.source(), a.sink)
		m.asked[q] = a
	}
	return a.sink, a.decision
}

// known is what a look sees of a sink.
func (w *world) known(q *question) Sink {
	k := Sink{Name: "bus", Progress: sink.Progress{Position: capture.Position{LSN: capture.LSN(q.record.position)}}, Begin: CopyIfNew}
	if q.record.kind == none {
		k.Progress = sink.Progress{Record: sink.RecordNone}
		return k
	}
	k.Comparison.Unfinished = q.record.kind == partial
	p := &k.Progress
	p.Origin = w.source().Origin
	p.Origin.Publication, p.Origin.Timeline = editions[q.record.edition], uint32(q.record.timeline)
	if q.record.row != 0 || q.record.copied {
		p.Commit = capture.Commit{LSN: capture.LSN(q.record.commit) + 1, XID: uint64(q.record.row)}
	}
	p.Verdict, k.Remembered = list(q.record.verdicts, q.record.proven), list(q.told, 0)
	if q.other.is {
		k.Others = []*sink.Verdict{list(1<<slices.Index(states, AheadOfSource), q.other.proven)}
	}
	if q.record.edition != w.edition {
		k.Comparison.Altered = []string{"t"}
	}
	k.Comparison.Commit = q.commit
	return k
}

// missing are the rows of the source before a position that a sink has not, and that the operator has not accepted.
func (w *world) missing(k *target, before uint8) (rows uint8) {
	for i := range min(before, w.end) {
		if row := w.log[i].row; row != 0 {
			rows |= 1 << row &^ (k.holds | k.accepted)
		}
	}
	return rows
}

// look is a daemon's: it has the slot, judges the sinks that answer, in that order, and writes what was decided. A sink that has
// passed is judged again when another one turns out to be ahead. The stream passes when all have passed. The error is a
// violation.
func (m *model) look(w *world, d uint8, answer []int) error {
	w.stop()
	w.owner = d
	if w.out { // the publication is made what the file says
		w.alter()
	}
	var standing [mostSink]ahead
	var from [mostSink]uint8 // where a sink goes on, and one more; 0: it has not passed
	for _, i := range answer {
		from[i] = m.pass(w, d, i, &standing)
		for _, j := range answer {
			if standing[i].is && from[j] > 0 {
				from[j] = m.pass(w, d, j, &standing)
			}
		}
	}
	passed := 0
	for i := range m.sinks {
		if from[i] > 0 {
			passed++
		}
	}
	if passed < m.sinks && (!m.onePasses || passed == 0) {
		return nil
	}
	w.flows, w.seen = true, w.edition
	for i := range m.sinks {
		if from[i] == 0 {
			continue
		}
		if rows := w.missing(&w.sinks[i], from[i]-1); rows != 0 {
			return fmt.Errorf("daemon %d goes on from %d, and rows %b are not in sink %d", d+1, from[i]-1, rows, i+1)
		}
	}
	return nil
}

// pass judges a sink and returns where it goes on, and one more; 0: it does not pass. It notes what stands for it.
func (m *model) pass(w *world, d uint8, i int, standing *[mostSink]ahead) (from uint8) {
	k := &w.sinks[i]
	r, told := k.record, uint8(0)
	if mem := &k.memory[d]; mem.has {
		r, told = mem.record, mem.told
	}
	_, dec := m.ask(w, &r, told, standing[(i+1)%mostSink])
	standing[i] = aheadIn(dec.Verdict)
	if standing[i].is {
		w.blind = false
	}
	switch {
	case dec.Problem != nil:
		m.shown[dec.Problem.State] = true
		m.refused(w, k, d, r, dec.Verdict)
		return 0
	case dec.Copy:
		w.joins, w.seen = true, w.edition
		return 0
	}
	k.record = r
	if dec.Record != nil {
		k.record = w.write(r, dec.Record)
	}
	return uint8(dec.From.LSN) + 1
}

// refused leaves what a refused stream leaves.
func (m *model) refused(w *world, k *target, d uint8, r rec, v *sink.Verdict) {
	mem := &k.memory[d]
	switch {
	case v == nil:
	case m.inMemory:
		mem.has, mem.record, mem.told = true, r, bits(v)
	case m.remembersIt:
		k.record.judged(v)
		r.edition, r.verdicts, r.proven = w.edition, 0, 0
		mem.has, mem.record = true, r
	default:
		k.record.judged(v)
	}
}

// judged is the record with verdicts.
func (r *rec) judged(v *sink.Verdict) { r.verdicts, r.proven = bits(v), proven(v) }

// write is a record as CheckGap and Accept return it.
func (w *world) write(was rec, p *sink.Progress) rec {
	was.position, was.timeline, was.branch = uint8(p.Position.LSN), uint8(p.Origin.Timeline), w.branch
	was.kind = whole
	was.judged(p.Verdict)
	if p.Commit.IsZero() {
		was.commit, was.row, was.copied = 0, 0, false
	}
	was.edition = uint8(slices.Index(editions, p.Origin.Publication))
	return was
}

// deliver brings everything up to the end to a sink and records it under the stream's edition. What all sinks hold is
// confirmed.
func (m *model) deliver(w *world, k *target) {
	for i := k.record.position; i < w.end; i++ {
		if e := w.log[i]; e.row != 0 && e.published {
			k.holds |= 1 << e.row
			k.record.commit, k.record.row, k.record.copied = i, e.row, false
		}
	}
	// What the slot has before the record's position was skipped as held.
	k.record.position, k.record.edition, k.record.timeline, k.record.branch = w.end, w.seen, w.timeline, w.branch
	k.record.judged(nil)
	k.memory[w.owner] = memory{}
	least := w.end
	for i := range m.sinks {
		least = min(least, w.sinks[i].record.position)
	}
	w.confirmed = max(w.confirmed, least)
}

// sort puts the sinks in an order: they are alike, so a world with both the other way round is the same.
func (w *world) sort() {
	rank := func(k *target) (n uint64) {
		r := &k.record
		for _, b := range []uint8{k.holds, k.accepted, r.position, r.commit, r.row, r.edition, r.verdicts<<4 | r.proven} {
			n = n<<8 | uint64(b)
		}
		return n
	}
	if rank(&w.sinks[1]) < rank(&w.sinks[0]) {
		w.sinks[0], w.sinks[1] = w.sinks[1], w.sinks[0]
	}
}

// alter takes the table out of the publication, or puts it back. No edition comes back, also after a restore.
func (w *world) alter() {
	w.out = !w.out
	w.editions++
	w.edition = w.editions
}

func (w *world) append(e entry) {
	w.log[w.end] = e
	w.end++
}

// put is the source with another history: all streams end.
func (w *world) put(h history) {
	w.history = h
	for i := h.end; i < mostLog; i++ {
		w.log[i] = entry{}
	}
	w.stop()
}

// stop ends the owner's stream, and the copy next to it.
func (w *world) stop() { w.owner, w.flows, w.joins, w.point = noDaemon, false, false, 0 }

// forget is a daemon that is started again; had reports whether it had a memory.
func (w *world) forget(d uint8) (had bool) {
	for i := range w.sinks {
		had = had || w.sinks[i].memory[d].has
		w.sinks[i].memory[d] = memory{}
	}
	if had && w.owner == d {
		w.stop()
	}
	return had
}
