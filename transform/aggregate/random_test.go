package aggregate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailrace/tailrace/capture"
)

// model says what random transactions have to give, in the simplest way.
type model struct {
	orders, lines []modelRow
}

type modelRow struct {
	key    int
	values []any
	seq    int // of the first change that is admitted
}

// random returns the changes of a transaction over existing rows, and the events that it has to give.
func random(r *rand.Rand) (changes []capture.Change, want string) {
	var m model
	have := [2]map[int]bool{{}, {}} // the previous and the present rows
	for i := range 6 {
		have[0][i], have[1][i] = r.IntN(2) == 0, r.IntN(2) == 0
	}
	for range 1 + r.IntN(40) {
		table, key := r.IntN(2), r.IntN(6)
		seq := len(changes)
		switch {
		case table == 0 && !have[0][key]:
			have[0][key] = true
			row := []any{key, fmt.Sprint("s", seq), seq}
			changes = append(changes, insert(orders, row...))
			m.orders = append(m.orders, modelRow{key, row, seq})
		case table == 0 && r.IntN(3) == 0:
			have[0][key] = false
			changes = append(changes, deleted(orders, key))
			m.orders = without(m.orders, key)
		case table == 0:
			to := r.IntN(6)
			if have[0][to] {
				to = key
			}
			have[0][key], have[0][to] = false, true
			row := []any{to, fmt.Sprint("u", seq), seq}
			c := update(orders, row...)
			if to != key {
				c = moved(orders, key, row...)
			}
			changes = append(changes, c)
			for i := range m.orders {
				if m.orders[i].key == key {
					m.orders[i].key, m.orders[i].values = to, row
				}
			}
		case !have[1][key]:
			have[1][key] = true
			row := []any{key, r.IntN(6), fmt.Sprint("l", seq), seq}
			changes = append(changes, insert(lines, row...))
			m.lines = append(m.lines, modelRow{key: key, values: row})
		case r.IntN(3) == 0:
			have[1][key] = false
			changes = append(changes, deleted(lines, key))
			m.lines = without(m.lines, key)
		default:
			row := []any{key, r.IntN(6), fmt.Sprint("k", seq), seq}
			changes = append(changes, update(lines, row...))
			if !m.replace(key, row) {
				m.lines = append(m.lines, modelRow{key: key, values: row})
			}
		}
	}
	return changes, m.events()
}

func without(rows []modelRow, key int) (rest []modelRow) {
	for _, r := range rows {
		if r.key != key {
			rest = append(rest, r)
		}
	}
	return rest
}

func (m *model) replace(key int, row []any) bool {
	for i := range m.lines {
		if m.lines[i].key == key {
			m.lines[i].values = row
			return true
		}
	}
	return false
}

func (m *model) events() (all string) {
	type line struct {
		Sku any `json:"sku"`
		Qty any `json:"qty"`
	}
	for _, o := range m.orders {
		data := struct {
			ID     any    `json:"id"`
			Status any    `json:"status"`
			Lines  []line `json:"lines"`
		}{o.values[0], o.values[1], []line{}}
		for _, l := range m.lines {
			if l.values[1] == o.key {
				data.Lines = append(data.Lines, line{l.values[2], l.values[3]})
			}
		}
		text, _ := json.Marshal(data)
		at := capture.Position{LSN: 16, Seq: uint64(o.seq)}
		all += fmt.Sprintf("%s insert %d %s\n", at, o.key, text)
	}
	return all
}

// A transaction gives the events that the model has, in whatever pieces it comes, and however often it begins again.
func TestRandomTransactions(t *testing.T) {
	s := newStep(t, placed)
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 5))
		changes, want := random(r)
		changes = transaction(16, changes...)
		for attempt := range 3 {
			s.chain.Reset()
			for i := range changes {
				if attempt < 2 && r.IntN(len(changes)+1) == 0 {
					break // the sink fails here
				}
				if err := s.give(&changes[i]); err != nil {
					t.Fatal(seed, err)
				}
			}
		}
		events, err := s.chain.Commit(nil, changes[0].Tx)
		if d := cmp.Diff(want, show(events)); d != "" || err != nil {
			t.Fatalf("seed %d: %v (- wanted, + got)\n%s", seed, err, d)
		}
	}
}
