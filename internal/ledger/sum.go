package ledger

import "github.com/tailrace/tailrace/capture"

// balances follows the balances of all accounts through the commits.
type balances struct {
	of  map[string]int64
	sum int64
}

func (b *balances) apply(o Observation) {
	had := b.of[o.Key]
	if o.Op == "delete" {
		delete(b.of, o.Key)
		b.sum -= had
		return
	}
	if o.Image.Balance == nil {
		return
	}
	b.of[o.Key] = *o.Image.Balance
	b.sum += *o.Image.Balance - had
}

// sum applies the transactions in commit order and compares the sum after each. The source's first transaction
// (workload.Setup), or the snapshot, gives all accounts their balances.
func (a *Atomicity) sum(order []capture.LSN) {
	b := balances{of: map[string]int64{}}
	inCommitOrder(a.reads)
	for _, o := range a.reads {
		b.apply(o)
	}
	if len(a.reads) > 0 && b.sum != a.truth.Sum {
		a.found.add("O5 atomicity: the balances in the snapshot sum up to %d, not %d", b.sum, a.truth.Sum)
	}
	for _, lsn := range order {
		t := a.txs[lsn]
		inCommitOrder(t.balances)
		last := b.sum
		for _, o := range t.balances {
			b.apply(o)
		}
		if b.sum != a.truth.Sum && b.sum != last {
			a.found.add("O5 atomicity: the balances sum up to %d, not %d, after transaction %s, with %s",
				b.sum, a.truth.Sum, lsn, t.balances[0])
		}
	}
}
