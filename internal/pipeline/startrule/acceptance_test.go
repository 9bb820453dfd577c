package startrule

import "fmt"

// accepting is the operator's word on the problem that a sink shows, and an acceptance that ends after so many records.
func (m *model) accepting() (all []step) {
	for i := range m.sinks {
		name := fmt.Sprintf("accept what sink %d shows", i+1)
		all = append(all, step{name, func(w *world) (bool, error) {
			if w.word == 0 {
				return false, nil
			}
			w.word--
			_, possible, err := m.accept(w, i, mostRecords)
			return possible, err
		}})
		for most := 1; most < mostRecords && m.ends; most++ {
			all = append(all, step{fmt.Sprintf("%s, which ends after %d records", name, most), func(w *world) (bool, error) {
				if w.word == 0 || w.crashes == 0 {
					return false, nil
				}
				w.crashes--
				whole, possible, err := m.accept(w, i, most)
				return possible && !whole, err
			}})
		}
	}
	return all
}

// mostRecords are what an acceptance writes: two of each sink.
const mostRecords = 2 * mostSink

// accept accepts the problem that a sink shows for all sinks that have it, that one first, in at most so many records.
func (m *model) accept(w *world, shown, most int) (whole, possible bool, err error) {
	var alone, all [mostSink]Decision
	var known [mostSink]Sink
	for i := range m.sinks {
		_, alone[i] = m.ask(w, &w.sinks[i].record, 0, ahead{})
	}
	for i := range m.sinks {
		known[i], all[i] = m.ask(w, &w.sinks[i].record, 0, aheadIn(alone[(i+1)%mostSink].Verdict))
	}
	p := all[shown].Problem
	if p == nil {
		return false, false, nil
	}
	order := []int{shown, (shown + 1) % mostSink}[:m.sinks]
	for _, i := range order {
		dec := &all[i]
		if dec.Verdict.Find(p.State) == nil || dec.Record == nil || m.acceptsAtOnce {
			continue
		}
		if most == 0 {
			return false, true, nil
		}
		most--
		w.sinks[i].record.judged(dec.Verdict)
		known[i].Progress.Verdict = dec.Verdict
	}
	for _, i := range order {
		if all[i].Verdict.Find(p.State) == nil {
			continue
		}
		if most == 0 {
			return false, true, nil
		}
		most--
		if err := w.settle(&w.sinks[i], known[i], p.State); err != nil {
			return false, true, err
		}
	}
	return true, true, nil
}

// settle writes the record with which a sink goes on.
func (w *world) settle(k *target, known Sink, state string) error {
	a, err := Accept(w.source(), known, problem(state, ""))
	if err != nil {
		return err
	}
	k.record = w.write(k.record, a.Record)
	k.accepted |= w.missing(k, k.record.position)
	for i := range w.end { // what the operator was told of
		if e := w.log[i]; state == PublicationAltered && e.row != 0 && !e.published {
			k.accepted |= 1 << e.row
		}
	}
	return nil
}
