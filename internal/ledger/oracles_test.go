package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// oracleNames are the oracles that need no server.
var oracleNames = []string{"O1", "O2", "O3", "O4", "O5", "O10"}

func (w *world) oracle(name string) Oracle {
	switch name {
	case "O1":
		return NewGap()
	case "O2":
		return NewOrder()
	case "O3":
		return NewAffinity()
	case "O4":
		return NewIdentity(false)
	case "O5":
		return NewAtomicity(w.truth)
	}
	return NewReference(w.changes)
}

func TestOraclesAcceptGoodHistory(t *testing.T) {
	for seed := range uint64(20) {
		w := makeWorld(seed, 300)
		history := w.honest(t)
		for _, name := range oracleNames {
			if errs := Judge(history, w.oracle(name)); len(errs) > 0 {
				t.Errorf("seed %d: %s", seed, errs[0])
			}
		}
	}
}

// breakages break a history in one place, at i, which is an update of an account that was seen once.
var breakages = []struct {
	name  string
	found string // the oracles that must find it
	do    func(h []Observation, i int) []Observation
}{
	{"drop an event", "O1 O5 O10", func(h []Observation, i int) []Observation {
		return slices.Delete(h, i, i+1)
	}},
	{"drop an event and its repeats from a place on", "O1 O5 O10", func(h []Observation, i int) []Observation {
		id := h[i].ID
		return slices.DeleteFunc(h, func(o Observation) bool { return o.ID == id })
	}},
	{"swap two events of a key", "O1 O2 O10", func(h []Observation, i int) []Observation {
		j := nextOf(h, i, func(o Observation) bool { return o.Subject() == h[i].Subject() })
		h[i], h[j] = swapped(h[i], h[j])
		return h
	}},
	{"swap two events of a partition", "O2", func(h []Observation, i int) []Observation {
		j := nextOf(h, i, func(o Observation) bool { return o.Partition == h[i].Partition && o.Subject() != h[i].Subject() })
		h[i], h[j] = swapped(h[i], h[j])
		return h
	}},
	{"repeat one event out of the middle", "O2", func(h []Observation, i int) []Observation {
		return slices.Insert(h, len(h)-100, h[i])
	}},
	{"repeat with a hole", "O2", func(h []Observation, i int) []Observation {
		run := runFrom(h, i)
		return slices.Concat(h, run[:1], run[2:])
	}},
	{"repeat that ends early", "O2", func(h []Observation, i int) []Observation {
		return append(h, runFrom(h, i)[0])
	}},
	{"move an event to another partition", "O3", func(h []Observation, i int) []Observation {
		h[i].Partition.ID = (h[i].Partition.ID + 1) % parts
		return h
	}},
	{"alter a repeat", "O4", func(h []Observation, i int) []Observation {
		o := h[i]
		o.Payload = bytes.Replace(o.Payload, []byte(`"o"`), []byte(`"p"`), 1)
		return append(h, o)
	}},
	{"alter a balance", "O5 O10", func(h []Observation, i int) []Observation {
		return altered(h, i, "balance", "100077")
	}},
	{"alter a version", "O1 O10", func(h []Observation, i int) []Observation {
		return altered(h, i, "ver", "4711")
	}},
	{"show rolled-back work", "O5", func(h []Observation, i int) []Observation {
		return altered(h, i, "ver", "-1")
	}},
	{"alter a text", "O10", func(h []Observation, i int) []Observation {
		return altered(h, i, "owner", `"p"`)
	}},
	{"null for unchanged", "O10", func(h []Observation, i int) []Observation {
		return altered(h, i, "pad", `null`)
	}},
	{"invent an event", "O1 O5 O10", func(h []Observation, i int) []Observation {
		o := h[i]
		o.ID, o.Seq, o.LSN = "invented", 0, o.LSN+1
		return slices.Insert(h, i+1, o)
	}},
	{"tell another transaction", "O5 O10", func(h []Observation, i int) []Observation {
		h[i].XID++
		return h
	}},
	{"tell another time", "O10", func(h []Observation, i int) []Observation {
		h[i].Time = h[i].Time.Add(1000)
		return h
	}},
}

func TestOraclesFindEachBreakage(t *testing.T) {
	var worlds []*world
	var histories [][]Observation
	for seed := range uint64(10) {
		worlds = append(worlds, makeWorld(seed, 200))
		histories = append(histories, worlds[seed].honest(t))
	}
	for _, b := range breakages {
		for _, name := range strings.Fields(b.found) {
			t.Run(b.name+"/"+name, func(t *testing.T) {
				for seed, w := range worlds {
					h := slices.Clone(histories[seed])
					i := victim(h)
					// A transaction is named by its LSN, a row by its key.
					subject, lsn := h[i].Subject(), fmt.Sprintf("transaction %s", h[i].LSN)
					errs := Judge(b.do(h, i), w.oracle(name))
					if !hasFinding(errs, name, subject) && (name != "O5" || !hasFinding(errs, name, lsn)) {
						t.Errorf("seed %d: nothing about %s or %s in %v", seed, subject, lsn, errs)
					}
				}
			})
		}
	}
}

// TestOraclesFindChangesOfKeys breaks events of a row whose key changes.
func TestOraclesFindChangesOfKeys(t *testing.T) {
	for _, half := range []string{"delete", "insert"} {
		w := makeWorld(3, 300)
		h := w.honest(t)
		i := slices.IndexFunc(h, func(o Observation) bool { return o.Table == workload.Badge && o.Op == half && o.LSN > 0x3000 })
		serial, subject := h[i].Image.Serial, h[i].Subject()
		h = slices.Delete(h, i, i+1)
		if errs := Judge(h, w.oracle("O10")); !hasFinding(errs, "O10", subject) {
			t.Errorf("%s half lost: %v", half, errs)
		}
		if half == "insert" {
			if errs := Judge(h, NewGap()); !hasFinding(errs, "O1", fmt.Sprintf("serial %d", *serial)) {
				t.Errorf("%s half lost: %v", half, errs)
			}
		}
	}
}

func TestAtomicityFindsMissingTransactions(t *testing.T) {
	w := makeWorld(1, 100)
	h := w.honest(t)
	lsn := h[victim(h)].LSN
	var log string
	lost := slices.DeleteFunc(slices.Clone(h), func(o Observation) bool {
		if o.LSN == lsn && o.Table == workload.TxLog {
			log = fmt.Sprintf("transaction %d ", *o.Image.TxnNo)
		}
		return o.LSN == lsn
	})
	if errs := Judge(lost, NewAtomicity(w.truth)); !hasFinding(errs, "O5", log) {
		t.Errorf("a lost transaction: %v", errs)
	}
	w.truth.Txs[1<<40] = workload.Tx{}
	if errs := Judge(h, NewAtomicity(w.truth)); !hasFinding(errs, "O5", fmt.Sprint(1<<40)) {
		t.Errorf("a transaction that the source has besides: %v", errs)
	}
	delete(w.truth.Txs, 1<<40)
	delete(w.truth.Txs, 7)
	if errs := Judge(h, NewAtomicity(w.truth)); !hasFinding(errs, "O5", `{"txn_no":7}`) {
		t.Errorf("a transaction that the source lacks: %v", errs)
	}
}

func TestIdentityExactlyOnce(t *testing.T) {
	w := makeWorld(1, 100)
	p := newTopics(t)
	for _, c := range w.changes {
		p.publish(c)
	}
	if errs := Judge(p.history, NewIdentity(true)); len(errs) > 0 {
		t.Error(errs)
	}
	p.repeat(1)
	if errs := Judge(p.history, NewIdentity(true)); !hasFinding(errs, "O4", p.history[len(p.history)-1].Subject()) {
		t.Errorf("a repeat was accepted: %v", errs)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	w := makeWorld(1, 300)
	h := w.honest(t)
	for i := range h {
		h[i].Time = h[i].Time.Add(1)
	}
	errs := Judge(h, w.oracle("O10"))
	if len(errs) != most+1 || !strings.HasPrefix(errs[most].Error(), "O10 reference: ... and ") {
		t.Errorf("%d findings, the last %v", len(errs), errs[len(errs)-1])
	}
}

// victim is an update in the middle of an account whose pad is unchanged. It was seen once, and so was the account's next
// change, another update in another transaction.
func victim(h []Observation) int {
	seen := map[string]int{}
	for _, o := range h {
		seen[o.ID]++
	}
	for i := len(h) / 4; ; i++ {
		o := h[i]
		if o.Table == workload.Account && o.Op == "update" && seen[o.ID] == 1 && len(o.Unchanged) > 0 {
			next := h[nextOf(h, i, func(p Observation) bool { return p.Subject() == o.Subject() })]
			if seen[next.ID] == 1 && next.Op == "update" && next.LSN != o.LSN {
				return i
			}
		}
	}
}

// runFrom returns the events first seen from i on, on the partition of i.
func runFrom(h []Observation, i int) (run []Observation) {
	seen := once{}
	for j, o := range h {
		if seen.first(o) && j >= i && o.Partition == h[i].Partition {
			run = append(run, o)
		}
	}
	return run
}

func nextOf(h []Observation, i int, is func(Observation) bool) int {
	n := slices.IndexFunc(h[i+1:], is)
	if n < 0 {
		panic("the history has no such event")
	}
	return i + 1 + n
}

// swapped exchanges two events.
func swapped(a, b Observation) (Observation, Observation) {
	a.Partition, b.Partition = b.Partition, a.Partition
	a.Offset, b.Offset = b.Offset, a.Offset
	return b, a
}

// altered changes the value of a column of the row at i.
func altered(h []Observation, i int, column, value string) []Observation {
	var e map[string]json.RawMessage
	var row map[string]json.RawMessage
	must(json.Unmarshal(h[i].Payload, &e))
	must(json.Unmarshal(e["row"], &row))
	row[column] = json.RawMessage(value)
	e["row"] = marshal(row)
	o, err := Observe(h[i].Partition, h[i].Offset, []byte(h[i].Key), marshal(e), "")
	must(err)
	h[i] = o
	return h
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	must(err)
	return b
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// hasFinding reports whether one of the errors comes from the oracle and names the subject.
func hasFinding(errs []error, oracle, subject string) bool {
	return slices.ContainsFunc(errs, func(err error) bool {
		return strings.HasPrefix(err.Error(), oracle+" ") && strings.Contains(err.Error(), subject)
	})
}
