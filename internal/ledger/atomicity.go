package ledger

import (
	"maps"
	"slices"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/ledger/workload"
)

// Atomicity is O5: every transaction in the source's tx_log is present with all its changes, numbered without a
// gap, and no others are; ver = -1, the mark of work that was rolled back, never appears; and the sum of all balances is
// the same after every commit.
type Atomicity struct {
	found findings
	truth workload.Truth
	seen  once
	txs   map[capture.LSN]*transaction
	told  map[int64]bool // the txn_no seen so far
	reads []Observation  // balances of the snapshot
}

// transaction is what was seen of one commit.
type transaction struct {
	xid      uint64
	seqs     map[uint64]bool
	logs     int
	n        int64
	balances []Observation // changes of balances
	some     Observation   // one of its events, for messages
}

// NewAtomicity returns the oracle; truth is read from the source at the end.
func NewAtomicity(truth workload.Truth) *Atomicity {
	return &Atomicity{truth: truth, seen: once{}, txs: map[capture.LSN]*transaction{}, told: map[int64]bool{}}
}

// Observe adds the next event.
func (a *Atomicity) Observe(o Observation) {
	if !a.seen.first(o) {
		return
	}
	if i := o.Image; (i.Ver != nil && *i.Ver < 0) || (i.Prev != nil && *i.Prev < 0) {
		a.found.add("O5 atomicity: rolled-back work was seen: %s", o)
	}
	o.Payload, o.Old, o.Row = nil, nil, nil
	if o.snapshot() {
		if o.Table == workload.TxLog {
			a.log(o, nil)
		}
		if o.Table == workload.Account {
			a.reads = append(a.reads, o)
		}
		return
	}
	t := a.txs[o.LSN]
	if t == nil {
		t = &transaction{xid: o.XID, seqs: map[uint64]bool{}, some: o}
		a.txs[o.LSN] = t
	}
	if t.xid != o.XID {
		a.found.add("O5 atomicity: xid %d and xid %d in transaction %s: %s", t.xid, o.XID, o.LSN, o)
	}
	t.seqs[o.Seq] = true
	switch o.Table {
	case workload.TxLog:
		a.log(o, t)
	case workload.Account:
		t.balances = append(t.balances, o)
	}
}

// log adds a row of tx_log; t is nil in a snapshot.
func (a *Atomicity) log(o Observation, t *transaction) {
	i := o.Image
	if i.TxnNo == nil || i.NChanges == nil || i.XID == nil {
		a.found.add("O5 atomicity: %s lacks txn_no, n_changes or xid", o)
		return
	}
	want, ok := a.truth.Txs[*i.TxnNo]
	switch {
	case !ok:
		a.found.add("O5 atomicity: the source knows no transaction %d: %s", *i.TxnNo, o)
	case want.N != *i.NChanges || want.XID != *i.XID:
		a.found.add("O5 atomicity: the source says %d changes of xid %d, not %d of %d: %s",
			want.N, want.XID, *i.NChanges, *i.XID, o)
	}
	a.told[*i.TxnNo] = true
	if t == nil {
		return
	}
	t.logs, t.n = t.logs+1, *i.NChanges
	if uint64(*i.XID) != o.XID {
		a.found.add("O5 atomicity: xid %d is told as %d: %s", *i.XID, o.XID, o)
	}
}

// Done checks every transaction, and returns the findings.
func (a *Atomicity) Done() []error {
	for _, no := range slices.Sorted(maps.Keys(a.truth.Txs)) {
		if !a.told[no] {
			a.found.add("O5 atomicity: transaction %d (xid %d) is missing", no, a.truth.Txs[no].XID)
		}
	}
	order := slices.Sorted(maps.Keys(a.txs))
	for _, lsn := range order {
		a.count(lsn, a.txs[lsn])
	}
	a.sum(order)
	return a.found.all()
}

func (a *Atomicity) count(lsn capture.LSN, t *transaction) {
	if t.logs != 1 {
		a.found.add("O5 atomicity: transaction %s has %d rows of %s, with %s", lsn, t.logs, workload.TxLog, t.some)
		return
	}
	for seq := range uint64(t.n) {
		if !t.seqs[seq] {
			a.found.add("O5 atomicity: change %d of %d of transaction %s is missing, with %s", seq, t.n, lsn, t.some)
		}
	}
	if int64(len(t.seqs)) > t.n {
		a.found.add("O5 atomicity: %d changes in transaction %s, which made %d, with %s", len(t.seqs), lsn, t.n, t.some)
	}
}
