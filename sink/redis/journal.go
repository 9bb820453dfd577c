package redis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/cache/protocol"
)

// journal is the calls to Redis in their order: those that are not acknowledged yet, and of the acknowledged ones the newest, which are
// repeated when Redis has lost them.
type journal struct {
	limit int    // bytes of acknowledged calls that it keeps
	token string // of the owner: part of every watermark

	calls   []*call
	next    int    // the first call that is not acknowledged
	bytes   int    // of the acknowledged calls
	number  uint64 // of the last watermark
	reached uint64 // the largest number that was acknowledged: a call up to it is a repetition
	lsn     protocol.LSN
	idle    protocol.LSN // of the newest commit, with or without keys
	marked  protocol.LSN // of the watermark in Redis
}

// call is one call of invalidate or of refresh.
type call struct {
	number    uint64
	watermark string
	lsn       protocol.LSN // of the watermark
	ops       []keyed
	bytes     int
	degraded  bool // a refresh that only invalidates, since Redis has no memory for the value
	swept     bool // it has no ops and comes after a sweep: its watermark shows that Redis still has what the sweep did
}

// keyed is an op of a commit. An empty key is the namespace's section.
type keyed struct {
	op
	lsn protocol.LSN
	xid protocol.XID
}

// callKeys is how many keys one call invalidates. A refresh is a call of its own.
const callKeys = 256

// add appends calls for ops in order. lsn is up to where all commits are complete after the last of them. The watermark moves with each
// commit: a refresh that a daemon repeats after a restart has to be known as one.
func (j *journal) add(ops []keyed, lsn protocol.LSN) {
	for len(ops) > 0 {
		n := 1
		if !ops[0].refresh {
			for n < len(ops) && n < callKeys && !ops[n].refresh {
				n++
			}
		}
		c := &call{ops: ops[:n:n], bytes: sizeOf(ops[:n])}
		if ops = ops[n:]; len(ops) == 0 {
			j.lsn = max(j.lsn, lsn)
		} else {
			j.lsn = max(j.lsn, completeBefore(ops[0].lsn, c.ops))
		}
		j.append(c)
	}
	j.idle = max(j.idle, lsn)
}

// completeBefore returns the LSN of the last commit of ops that is before the next one; 0: none is.
func completeBefore(next protocol.LSN, ops []keyed) protocol.LSN {
	for i := len(ops) - 1; i >= 0; i-- {
		if ops[i].lsn < next {
			return ops[i].lsn
		}
	}
	return 0
}

// markSwept appends a call without keys after a sweep.
func (j *journal) markSwept() { j.append(&call{swept: true}) }

// mark appends a call without keys, whose watermark covers the commits without keys since the last call.
func (j *journal) mark() {
	if j.idle > j.lsn {
		j.lsn = j.idle
		j.append(&call{})
	}
}

func (j *journal) append(c *call) {
	j.number++
	c.number, c.lsn, c.watermark = j.number, j.lsn, watermark{j.lsn, j.token, j.number}.String()
	c.bytes += callBytes
	j.calls = append(j.calls, c)
}

// callBytes is about what a call takes besides its ops.
const callBytes = 192

// degrade makes the pending refreshes invalidate only, and reports whether the next call is one.
func (j *journal) degrade() bool {
	pending := j.pending()
	if len(pending) == 0 || !pending[0].stores() || pending[0].degraded {
		return false
	}
	for _, c := range pending {
		c.degraded = true
	}
	return true
}

// stores reports whether a call is the refresh of a value.
func (c *call) stores() bool { return len(c.ops) == 1 && c.ops[0].stores() }

// pending returns the calls that are not acknowledged.
func (j *journal) pending() []*call { return j.calls[j.next:] }

// acknowledge moves n calls to the acknowledged ones and drops the oldest beyond the limit.
func (j *journal) acknowledge(n int) {
	for _, c := range j.calls[j.next : j.next+n] {
		j.bytes += c.bytes
		j.reached, j.marked = max(j.reached, c.number), c.lsn
	}
	j.next += n
	drop := 0
	for j.bytes > j.limit && drop < j.next {
		j.bytes -= j.calls[drop].bytes
		j.calls[drop] = nil // frees the memory
		drop++
	}
	j.calls, j.next = j.calls[drop:], j.next-drop
}

// trim drops acknowledged calls up to a number: the slot is confirmed beyond them.
func (j *journal) trim(number uint64) {
	drop := 0
	for drop < j.next && j.calls[drop].number <= number {
		j.bytes -= j.calls[drop].bytes
		j.calls[drop] = nil
		drop++
	}
	j.calls, j.next = j.calls[drop:], j.next-drop
}

// rewind makes everything after a watermark pending, and reports how many acknowledged calls that repeats, and whether a sweep was
// among them. known is false when the journal does not reach back that far: then every call is pending.
func (j *journal) rewind(found watermark) (repeated int, swept, known bool) {
	before, applied := j.next, 0
	known = found.token == j.token && found.number <= j.number && found.number+uint64(len(j.calls)) >= j.number
	for known && applied < len(j.calls) && j.calls[applied].number <= found.number {
		applied++
	}
	for i, c := range j.calls[:j.next] {
		j.bytes -= c.bytes
		swept = swept || i >= applied && c.sweeps()
	}
	j.next, j.marked = 0, 0
	j.acknowledge(applied)
	if known {
		j.marked = found.lsn
	}
	return max(0, before-applied), swept, known
}

// sweeps reports whether Redis has lost a sweep when it has lost the call.
func (c *call) sweeps() bool {
	return c.swept || slices.ContainsFunc(c.ops, func(o keyed) bool { return o.key == "" })
}

// watermark identifies a call, and what is complete after it.
type watermark struct {
	lsn    protocol.LSN // every commit that ends at or before it was applied
	token  string
	number uint64
}

func (w watermark) String() string {
	return fmt.Sprintf("%016x/%s/%d", uint64(w.lsn), w.token, w.number)
}

// parseWatermark is the inverse of String; ok is false for "" and for what no version wrote.
func parseWatermark(text string) (w watermark, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return w, false
	}
	lsn, err1 := strconv.ParseUint(parts[0], 16, 64)
	number, err2 := strconv.ParseUint(parts[2], 10, 64)
	return watermark{protocol.LSN(lsn), parts[1], number}, err1 == nil && err2 == nil
}
