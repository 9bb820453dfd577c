package ledger

import (
	"maps"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

// acked is the history of a correct pipeline with its acknowledgements: after each transaction, once it is in the topics.
func acked(t *testing.T, w *world) (*topics, []Ack) {
	p := newTopics(t)
	for _, c := range w.read {
		p.publish(c)
	}
	acks := []Ack{{Conn: 1, Flush: w.changes[0].LSN, Start: true, Marks: maps.Clone(p.ends)}}
	for i, c := range w.changes {
		p.publish(c)
		if i+1 == len(w.changes) || w.changes[i+1].LSN != c.LSN {
			acks = append(acks, Ack{Conn: 1 + i/100, Flush: c.LSN + 8, Marks: maps.Clone(p.ends)})
		}
	}
	return p, acks
}

func TestAckSafetyAcceptsGoodHistory(t *testing.T) {
	for seed := range uint64(5) {
		w := makeWorld(seed, 100)
		p, acks := acked(t, w)
		p.repeat(9)
		if errs := Judge(p.history, NewAckSafety(acks, w.changes)); len(errs) > 0 {
			t.Errorf("seed %d: %s", seed, errs[0])
		}
	}
}

func TestAckSafetyFindsEachBreakage(t *testing.T) {
	w := makeWorld(1, 100)
	p, acks := acked(t, w)
	i := victim(p.history)
	o := p.history[i]
	n := slices.IndexFunc(acks, func(a Ack) bool { return a.Flush > o.LSN })
	check := func(h []Observation, acks []Ack) []error { return Judge(h, NewAckSafety(acks, w.changes)) }

	early := slices.Clone(acks)
	early[n].Marks = acks[n-1].Marks
	if errs := check(p.history, early); !hasFinding(errs, "O8", o.LSN.String()) {
		t.Errorf("acknowledged before it was written: %v", errs)
	}
	begin := slices.Insert(slices.Clone(acks), n, Ack{Conn: 9, Start: true, Flush: o.LSN + 1, Marks: acks[n-1].Marks})
	if errs := check(p.history, begin); !hasFinding(errs, "O8", o.LSN.String()) {
		t.Errorf("began after what was not written: %v", errs)
	}
	exact := slices.Insert(slices.Clone(acks), n, Ack{Conn: acks[n].Conn, Flush: o.LSN, Marks: acks[n-1].Marks})
	if errs := check(p.history, exact); len(errs) > 0 {
		t.Errorf("a flush at the start of a commit record keeps that transaction: %v", errs)
	}
	lost := slices.Delete(slices.Clone(p.history), i, i+1)
	if errs := check(lost, acks); !hasFinding(errs, "O8", o.Subject()) {
		t.Errorf("acknowledged and lost: %v", errs)
	}
	back := slices.Clone(acks)
	back[n+1].Flush, back[n+1].Conn = capture.LSN(1), back[n].Conn
	if errs := check(p.history, back); !hasFinding(errs, "O8", "goes back from") {
		t.Errorf("acknowledgements went back: %v", errs)
	}
}

func TestLivenessFindsGrowth(t *testing.T) {
	start := Sample{Goroutines: 20, Descriptors: 10, RSS: 40 << 20}
	slack := Slack{Goroutines: 5, Descriptors: 2, RSS: 10 << 20}
	if errs := Liveness(start, Sample{Goroutines: 25, Descriptors: 12, RSS: 50 << 20}, slack); len(errs) > 0 {
		t.Error(errs)
	}
	for what, end := range map[string]Sample{
		"lag":         {Lag: 0.5, Goroutines: 20, Descriptors: 10, RSS: 40 << 20},
		"goroutines":  {Goroutines: 26, Descriptors: 10, RSS: 40 << 20},
		"descriptors": {Goroutines: 20, Descriptors: 13, RSS: 40 << 20},
		"memory":      {Goroutines: 20, Descriptors: 10, RSS: 51 << 20},
	} {
		if errs := Liveness(start, end, slack); len(errs) != 1 || !hasFinding(errs, "O9", what) {
			t.Errorf("%s: %v", what, errs)
		}
	}
}
