package postgres

import (
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// history generates transactions that a source could have committed, and keeps track of the resulting rows.
type history struct {
	rand *rand.Rand
	lsn  capture.LSN
	tx   *capture.Tx
	out  []*capture.Change
	rows map[*capture.Table]map[string][]capture.Value // by key; rows of a table without a key by a number
	next int
}

// The tables of a history, and the SQL that creates them in a target.
var (
	people = tableOf("people", "id int4", "email text", "note text", "score numeric").key(0)
	stock  = tableOf("stock", "shop int4", "sku text", "tags text[]", "extra jsonb", "code bpchar(5)").full().key(0, 1)
	events = tableOf("events", "x int4", "y text", "z json").full()
	issued = tableOf("issued", "id int8", "what text").key(0)
	nodes  = tableOf("nodes", "id int4", "up int4").key(0)
)

const historyDDL = `
CREATE TABLE people (id int4 PRIMARY KEY, email text UNIQUE, note text, score numeric);
CREATE TABLE stock (shop int4, sku text, tags text[], extra jsonb, code char(5), PRIMARY KEY (shop, sku));
CREATE TABLE events (x int4, y text, z json);
CREATE TABLE issued (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text, size int GENERATED ALWAYS AS (length(what)) STORED)`

type shape struct{ *capture.Table }

func tableOf(name string, columns ...string) shape {
	t := &capture.Table{OID: crc32.ChecksumIEEE([]byte(name)) >> 1, Schema: "public", Name: name}
	for _, c := range columns {
		n, kind, _ := strings.Cut(c, " ")
		c := capture.Column{Name: n, Modifier: -1}
		kind, length, _ := strings.Cut(strings.TrimSuffix(kind, ")"), "(")
		if length, err := strconv.Atoi(length); err == nil {
			c.Modifier = int32(length) + 4
		}
		kind, isArray := strings.CutSuffix(kind, "[]")
		if c.Type = (&capture.Type{Schema: "pg_catalog", Name: kind}); isArray {
			c.Type = &capture.Type{Schema: "pg_catalog", Name: "_" + kind, Kind: capture.KindArray, Elem: c.Type}
		}
		t.Columns = append(t.Columns, c)
	}
	return shape{t}
}

func (s shape) full() shape {
	for i := range s.Columns {
		s.Columns[i].Identity = true
	}
	return s
}

func (s shape) key(columns ...int) *capture.Table {
	s.Key = columns
	for _, i := range columns {
		s.Columns[i].Key, s.Columns[i].Identity = true, true
	}
	return s.Table
}

func newHistory(seed uint64) *history {
	h := &history{rand: rand.New(rand.NewPCG(seed, 1)), lsn: 0x1000, rows: map[*capture.Table]map[string][]capture.Value{}}
	for _, t := range []*capture.Table{people, stock, events.Table, issued} {
		h.rows[t] = map[string][]capture.Value{}
	}
	return h
}

// transaction generates a transaction of several changes.
func (h *history) transaction() []*capture.Change {
	h.lsn += 0x100
	h.tx, h.out = &capture.Tx{LSN: h.lsn, XID: uint32(h.lsn)}, nil
	for range 1 + h.rand.IntN(6) {
		h.change([]*capture.Table{people, people, people, stock, stock, events.Table, issued}[h.rand.IntN(7)])
	}
	return h.out
}

func (h *history) change(t *capture.Table) {
	rows := h.rows[t]
	keys := slices.Sorted(maps.Keys(rows))
	switch n := h.rand.IntN(100); {
	case n < 2:
		h.truncate(t)
	case n < 35 || len(keys) == 0:
		h.insert(t)
	case n < 55:
		h.remove(t, keys[h.rand.IntN(len(keys))])
	case n < 60 && t == people && len(keys) > 1:
		h.swap(keys)
	default:
		h.update(t, keys[h.rand.IntN(len(keys))], n < 75)
	}
}

func (h *history) add(op capture.Op, t *capture.Table, before, after []capture.Value) {
	h.out = append(h.out, &capture.Change{Tx: h.tx, Seq: uint64(len(h.out)), Op: op, Table: t, Before: before, After: after})
}

// row generates a row with an unused key. It returns nil when there is none.
func (h *history) row(t *capture.Table) (string, []capture.Value) {
	for range 5 {
		row := make([]capture.Value, len(t.Columns))
		for i := range row {
			row[i] = h.value(t, i)
		}
		if k := h.keyOf(t, row); h.rows[t][k] == nil {
			return k, row
		}
	}
	return "", nil
}

func (h *history) keyOf(t *capture.Table, row []capture.Value) string {
	if len(t.Key) == 0 {
		h.next++
		return strconv.Itoa(h.next)
	}
	var parts []string
	for _, i := range t.Key {
		parts = append(parts, row[i].String())
	}
	return strings.Join(parts, "\x00")
}

func (h *history) value(t *capture.Table, i int) capture.Value {
	n := h.rand.IntN(12)
	key := slices.Contains(t.Key, i)
	if n == 0 && !key {
		return capture.Value{}
	}
	text := ""
	switch name := t.Columns[i].Type.Name; name {
	case "int4", "int8":
		text = strconv.Itoa(h.rand.IntN(25))
	case "numeric":
		text = fmt.Sprintf("%d.%03d", n, h.rand.IntN(1000))
	case "_text":
		text = []string{"{}", `{a,"b,c",NULL}`, `{"\"q\"","back\\slash"}`, "{{1,2},{3,4}}"}[n%4]
	case "jsonb", "json":
		text = []string{`{"a": 1}`, `[]`, `"x\"y"`, "null"}[n%4]
	case "bpchar":
		text = []string{"a    ", "abcde", "é    "}[n%3]
	default:
		text = []string{"", "plain", "tab\there", `quo"te`, `back\slash`, "line\nfeed", "comma,{brace}", "NULL", `\N`, "é€"}[n%10]
		if t == people && i == 1 {
			text = h.email()
		}
		if key {
			text += strconv.Itoa(h.rand.IntN(4))
		}
	}
	if t == people && i == 1 && text == "" {
		return capture.Value{}
	}
	return capture.Value{Kind: capture.Text, Bytes: []byte(text)}
}

// email returns an address that no row has, or "" if it found none.
func (h *history) email() string {
	for range 3 {
		e := "m" + strconv.Itoa(h.rand.IntN(30))
		if !slices.ContainsFunc(slices.Collect(maps.Values(h.rows[people])), func(r []capture.Value) bool { return r[1].String() == e }) {
			return e
		}
	}
	return ""
}

func (h *history) insert(t *capture.Table) {
	if k, row := h.row(t); row != nil {
		h.rows[t][k] = row
		h.add(capture.Insert, t, nil, row)
	}
}

// old returns the old row as the replica identity provides it. changed means that the key was changed or the row deleted.
func (h *history) old(t *capture.Table, row []capture.Value, changed bool) []capture.Value {
	before := slices.Clone(row)
	for i := range before {
		if !t.Columns[i].Identity {
			before[i] = capture.Value{Kind: capture.Absent}
			if !changed {
				return nil
			}
		}
	}
	return before
}

func (h *history) remove(t *capture.Table, k string) {
	row := h.rows[t][k]
	delete(h.rows[t], k)
	h.add(capture.Delete, t, h.old(t, row, true), nil)
}

// update changes some columns, and the key where move is set.
func (h *history) update(t *capture.Table, k string, move bool) {
	row := h.rows[t][k]
	next := slices.Clone(row)
	for i := range next {
		if (!slices.Contains(t.Key, i) || move) && h.rand.IntN(2) == 0 {
			next[i] = h.value(t, i)
		}
	}
	to := h.keyOf(t, next)
	if len(t.Key) > 0 && to != k && h.rows[t][to] != nil {
		return
	}
	sent := slices.Clone(next)
	if t == people && h.rand.IntN(2) == 0 { // the note is TOASTed
		next[2], sent[2] = row[2], capture.Value{Kind: capture.Unchanged}
	}
	delete(h.rows[t], k)
	h.rows[t][to] = next
	h.add(capture.Update, t, h.old(t, row, len(t.Key) > 0 && to != k), sent)
}

// swap exchanges two emails, with a null in between.
func (h *history) swap(keys []string) {
	a, b := keys[h.rand.IntN(len(keys))], keys[h.rand.IntN(len(keys))]
	if a == b {
		return
	}
	set := func(k string, v capture.Value) {
		next := slices.Clone(h.rows[people][k])
		next[1] = v
		h.rows[people][k] = next
		h.add(capture.Update, people, nil, next)
	}
	was, other := h.rows[people][a][1], h.rows[people][b][1]
	set(a, capture.Value{})
	set(b, was)
	set(a, other)
}

func (h *history) truncate(t *capture.Table) {
	tables := []*capture.Table{t}
	if t == people {
		tables = append(tables, stock)
	}
	for _, t := range tables {
		clear(h.rows[t])
		h.add(capture.Truncate, t, nil, nil)
	}
}
