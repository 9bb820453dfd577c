package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// eventOracles are those for the events of blocks that need no server.
func eventOracles(truth map[workload.EventKey]workload.Event) map[string]Oracle {
	return map[string]Oracle{
		"O1": NewGap(), "O2": NewOrder(), "O3": NewAffinity(), "O4": NewIdentity(false), "O5": NewExpected(truth),
	}
}

// makeEvents returns the output of a correct pipeline for 240 events of two kinds and four keys, with a repeat at the end, and what the
// source expects.
func makeEvents() (history []Observation, truth map[workload.EventKey]workload.Event) {
	truth = map[workload.EventKey]workload.Event{}
	ends := map[Partition]int64{}
	add := func(lsn int, kind, key string, ver int) {
		p := Partition{workload.TopicOf(kind), home(key)}
		body := fmt.Sprintf(`{"ver":%d,"prev_ver":%d}`, ver, ver-1)
		headers := []Header{
			{"traceparent", "00-" + key}, {"tracestate", fmt.Sprintf("shop=%d", ver)}, {"ce_id", fmt.Sprintf("p/00/0/%X/3/%s", lsn, kind)},
		}
		o, err := ObserveEvent(p, ends[p], []byte(key), []byte(body), headers)
		must(err)
		ends[p]++
		history = append(history, o)
		truth[workload.EventKey{Kind: kind, Key: key, Ver: int64(ver)}] = workload.Event{Body: body, Trace: o.Trace}
	}
	each := func(from int) {
		for i := from; i < 240; i++ {
			add(0x1000+i, []string{workload.Paid, workload.Posted}[i%2], fmt.Sprint("key-", i/2%4), i/8+1)
		}
	}
	each(0)
	each(200)
	return history, truth
}

func TestEventOraclesAcceptGoodHistory(t *testing.T) {
	history, truth := makeEvents()
	for name, oracle := range eventOracles(truth) {
		if errs := Judge(history, oracle); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

// TestEventOraclesFindEachBreakage breaks a history in one place, at an event that was seen once.
func TestEventOraclesFindEachBreakage(t *testing.T) {
	next := func(h []Observation, i int) int {
		return nextOf(h, i, func(o Observation) bool { return o.Subject() == h[i].Subject() })
	}
	for name, c := range map[string]struct {
		found []string // the oracles that must find it
		do    func(h []Observation, i int) []Observation
	}{
		"an event is missing": {[]string{"O1", "O5"}, func(h []Observation, i int) []Observation { return slices.Delete(h, i, i+1) }},
		"the last event of a key is missing": {[]string{"O5"}, func(h []Observation, i int) []Observation {
			subject, ver := h[i].Subject(), *h[i].Image.Ver
			return slices.DeleteFunc(h, func(o Observation) bool { return o.Subject() == subject && *o.Image.Ver >= ver })
		}},
		"two events of a key are swapped": {[]string{"O1", "O2"}, func(h []Observation, i int) []Observation {
			h[i], h[next(h, i)] = swapped(h[i], h[next(h, i)])
			return h
		}},
		"an event is repeated alone": {[]string{"O2"}, func(h []Observation, i int) []Observation { return append(h, h[i]) }},
		"an event is on another partition": {[]string{"O3"}, func(h []Observation, i int) []Observation {
			h[i].Partition.ID = (h[i].Partition.ID + 1) % parts
			return h
		}},
		"a repeat has another header": {[]string{"O4"}, func(h []Observation, i int) []Observation {
			o := h[i]
			o.Payload = bytes.Replace(o.Payload, []byte("\x00tracestate=shop"), []byte("\x00tracestate=ship"), 1)
			return append(h, o)
		}},
		"a repeat has another payload": {[]string{"O4"}, func(h []Observation, i int) []Observation {
			o := h[i]
			o.Payload = append([]byte(" "), o.Payload...)
			return append(h, o)
		}},
		"a repeat has another id": {[]string{"O5"}, func(h []Observation, i int) []Observation {
			o := h[i]
			o.ID += "/again"
			return append(h, o)
		}},
		"no transaction explains an event": {[]string{"O5"}, func(h []Observation, i int) []Observation {
			o, ver := h[i], int64(4711)
			o.ID, o.Image.Ver = "invented", &ver
			return slices.Insert(h, i+1, o)
		}},
		"an event is of work that was rolled back": {[]string{"O1", "O5"}, func(h []Observation, i int) []Observation {
			o, ver := h[i], int64(-1)
			o.ID, o.Image.Ver = "wrong", &ver
			return slices.Insert(h, i+1, o)
		}},
		"a value is altered": {[]string{"O5"}, func(h []Observation, i int) []Observation {
			h[i].Row = append([]byte(" "), h[i].Row...)
			return h
		}},
		"a trace leaks": {[]string{"O5"}, func(h []Observation, i int) []Observation {
			h[i].Trace = h[i-1].Trace
			return h
		}},
	} {
		for _, oracle := range c.found {
			t.Run(name+"/"+oracle, func(t *testing.T) {
				history, truth := makeEvents()
				subject := history[100].Subject()
				if errs := Judge(c.do(history, 100), eventOracles(truth)[oracle]); !hasFinding(errs, oracle, subject) {
					t.Errorf("nothing about %s in %v", subject, errs)
				}
			})
		}
	}
}

func TestObserveEvent(t *testing.T) {
	observe := func(value string, headers ...Header) (Observation, error) {
		return ObserveEvent(Partition{"shop.paid", 1}, 3, []byte("k"), []byte(value), headers)
	}
	o, err := observe(`{"ver":7,"prev_ver":6}`, Header{"traceparent", "00"}, Header{"ce_id", "p/1a2b3c4d/1/20/5/Paid"})
	if err != nil || o.String() != "event of shop.paid k ver 7 (1/20+5 at shop.paid/1@3)" || o.Trace != "00 " {
		t.Errorf("%s, %q, %v", o, o.Trace, err)
	}
	o, err = observe(`{"ver":7}`, Header{"lsn", "1/30"}, Header{"ce_id", "own"})
	if err != nil || o.LSN != 1<<32|0x30 || o.ID != "own" || o.Trace != "" {
		t.Errorf("%s, %v", o, err)
	}
	for _, bad := range []Header{{"ce_id", "own"}, {"lsn", "1/30"}} {
		if o, err := observe(`{"ver":7}`, bad); err == nil {
			t.Errorf("%v was taken: %s", bad, o)
		}
	}
	if _, err := observe(`{"ver"`, Header{"ce_id", "p/1a2b3c4d/1/20/5"}); err == nil {
		t.Error("half an object was taken")
	}
}
