package ledger

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/ledger/workload"
)

const parts = 3 // partitions of a topic in tests

// topics is the output of a correct pipeline for changes: the test's own writer of format = "json".
type topics struct {
	t       testing.TB
	history []Observation
	ends    map[Partition]int64
}

func newTopics(t testing.TB) *topics { return &topics{t: t, ends: map[Partition]int64{}} }

// publish writes a change, and a change of key as two records.
func (p *topics) publish(c Change) {
	records, err := c.Records()
	must(err)
	for _, r := range records {
		p.append(Partition{c.Table, home(r.Key)}, r.Key, r.Value)
	}
}

func home(key string) int32 { return int32(crc32.ChecksumIEEE([]byte(key)) % parts) }

func (p *topics) append(to Partition, key string, payload []byte) {
	o, err := Observe(to, p.ends[to], []byte(key), payload, "")
	if err != nil {
		p.t.Fatal(err)
	}
	p.ends[to]++
	p.history = append(p.history, o)
}

// types of the columns, by name.
var types = map[string]uint32{
	"id": 23, "balance": 20, "rate": 1700, "doc": jsonbOID, "ver": 20, "prev_ver": 20, "updated": timestamptzOID,
	"account_id": 23, "no": 23, "tags": textArrayOID, "serial": 23, "amount": 1700, "txn_no": 20, "xid": 20,
	"writer": 23, "n_changes": 20, "at": timestamptzOID,
}

const someTime = "2026-05-04 03:02:01.5+00"

// world builds a history of changes as the workload would, without a server.
type world struct {
	rand    *rand.Rand
	changes []Change
	read    []Change // the snapshot
	truth   workload.Truth
	vers    map[string]int // by subject or serial; negative: deleted
	money   map[int]int
	codes   map[int]string
	lsn     capture.LSN
	xid     uint64
	current []Change
}

const (
	worldAccounts = 12
	worldBadges   = 4
)

// snapshotLSN is the commit record of the snapshot's virtual transaction.
const snapshotLSN = 0x1000 - 1

// makeWorld returns n transactions after a snapshot.
func makeWorld(seed uint64, n int) *world {
	w := &world{
		rand: rand.New(rand.NewPCG(seed, 1)), truth: workload.Truth{Txs: map[int64]workload.Tx{}, Sum: worldAccounts * 100},
		vers: map[string]int{}, money: map[int]int{}, codes: map[int]string{}, lsn: 0x1000, xid: 700,
	}
	w.snapshot()
	for range n {
		w.transaction()
	}
	return w
}

func (w *world) snapshot() {
	for id := range worldAccounts {
		w.money[id] = 100
		w.account("read", id)
	}
	for s := range worldBadges {
		w.codes[s] = fmt.Sprintf("code-%d", s)
		w.badge("read", s, w.codes[s])
	}
	w.log("read")
	w.read, w.current = w.current, nil
	for i := range w.read {
		c := &w.read[i]
		c.LSN, c.Seq, c.XID, c.Time = snapshotLSN, uint64(i), 0, time.Unix(1e9, 0).UTC()
	}
}

func (w *world) transaction() {
	w.lsn += capture.LSN(8 + 8*w.rand.IntN(100))
	w.xid += 1 + w.rand.Uint64N(3)
	for range 1 + w.rand.IntN(3) {
		w.step()
	}
	w.log("insert")
	for i := range w.current {
		c := &w.current[i]
		c.LSN, c.Seq, c.XID = w.lsn, uint64(i), w.xid
		c.Time = time.Unix(1e9+int64(w.lsn), 123456000).UTC()
	}
	w.changes = append(w.changes, w.current...)
	w.current = nil
}

func (w *world) step() {
	if w.rand.IntN(6) == 0 {
		s := w.rand.IntN(worldBadges)
		w.badge("update", s, fmt.Sprintf("code-%d-%d", s, w.rand.IntN(1e6)))
		return
	}
	a := w.rand.IntN(worldAccounts)
	b := (a + 1) % worldAccounts
	name := workload.Account + " " + idKey(a)
	switch {
	case w.vers[name] < 0:
		w.money[a] = 0
		w.account("insert", a)
	case w.vers[workload.Account+" "+idKey(b)] < 0:
		w.account("update", a)
	case w.rand.IntN(5) == 0:
		w.money[b] += w.money[a]
		w.account("update", b)
		w.account("delete", a)
	default:
		w.money[a]--
		w.money[b]++
		w.account("update", a)
		w.account("update", b)
	}
}

func idKey(id int) string { return fmt.Sprintf(`{"id":%d}`, id) }

// next returns the next version of a row; a delete counts as one.
func (w *world) next(name, op string) int {
	v := w.vers[name]
	if v < 0 {
		v = -v
	}
	v++
	w.vers[name] = v
	if op == "delete" {
		w.vers[name] = -v
	}
	return v
}

func (w *world) account(op string, id int) {
	v := w.next(workload.Account+" "+idKey(id), op)
	c := Change{Op: op, Table: workload.Account, Key: idKey(id)}
	if op == "delete" {
		c.Old = row(workload.Account, strconv.Itoa(id))
	} else {
		c.Row = row(workload.Account, strconv.Itoa(id), "o", strconv.Itoa(w.money[id]), "1.50", "pad", `{"a": 1}`,
			strconv.Itoa(v), strconv.Itoa(v-1), someTime)
		if op == "update" && id%2 == 0 {
			c.Row["pad"] = Text{Kind: 'u'}
		}
	}
	w.current = append(w.current, c)
}

func (w *world) badge(op string, serial int, code string) {
	v := w.next(fmt.Sprint("serial", serial), op)
	key := func(code string) string { return fmt.Sprintf(`{"code":%q}`, code) }
	c := Change{Op: op, Table: workload.Badge, Key: key(code)}
	if op == "update" {
		c.OldKey, c.Old = key(w.codes[serial]), row(workload.Badge, w.codes[serial])
	}
	c.Row = row(workload.Badge, code, strconv.Itoa(serial), strconv.Itoa(v), strconv.Itoa(v-1))
	w.codes[serial] = code
	w.current = append(w.current, c)
}

func (w *world) log(op string) {
	no := int64(len(w.truth.Txs) + 1)
	tx := workload.Tx{XID: int64(w.xid), N: int64(len(w.current) + 1)}
	w.truth.Txs[no] = tx
	w.current = append(w.current, Change{
		Op: op, Table: workload.TxLog, Key: fmt.Sprintf(`{"txn_no":%d}`, no),
		Row: row(workload.TxLog, fmt.Sprint(no), fmt.Sprint(tx.XID), "1", fmt.Sprint(tx.N), "d", someTime),
	})
}

// row sets a table's first columns to these texts.
func row(table string, values ...string) map[string]Text {
	m := map[string]Text{}
	for i, v := range values {
		name := columns[table][i]
		m[name] = Text{Kind: 't', Value: v, Type: types[name]}
	}
	return m
}

// honest is the output of a correct pipeline for the world, with a repeat on every partition in the middle and one at the end.
func (w *world) honest(t testing.TB) []Observation {
	p := newTopics(t)
	for _, c := range slices.Concat(w.read, w.changes[:len(w.changes)/2]) {
		p.publish(c)
	}
	p.repeat(20)
	for _, c := range w.changes[len(w.changes)/2:] {
		p.publish(c)
	}
	p.repeat(7)
	p.repeat(11)
	return p.history
}

// repeat publishes the last n changes again, as a restart does.
func (p *topics) repeat(n int) {
	var last []Observation
	seen := once{}
	for _, o := range p.history {
		if seen.first(o) {
			last = append(last, o)
		}
	}
	for _, o := range last[len(last)-n:] {
		p.append(o.Partition, o.Key, o.Payload)
	}
}
