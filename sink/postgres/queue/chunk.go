package queue

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/arena"
)

const (
	chunkBytes      = 256 << 10 // from which on changes go into another part
	textArenaChunk  = 64 << 10  // bytes of an arena's chunk of text
	valueArenaChunk = 2048      // values of an arena's chunk
	changeCost      = 120       // bytes that a change takes beside its text and its values
	valueCost       = 32
	keptArenaChunks = 2 * chunkBytes / textArenaChunk // of a part that waits to be used again
	keptChanges     = 4096
)

// chunk is a run of changes in memory of our own: whole transactions, or a piece of a single one.
type chunk struct {
	changes      []capture.Change
	end          capture.Position
	commit       bool   // end stands between transactions
	state        []byte // nil: as before
	last         capture.Commit
	endsSnapshot bool // a first copy ends here: nothing follows in this part
	bytes        int
	text         arena.Arena[byte]
	values       arena.Arena[capture.Value]
}

// add copies a change.
func (p *chunk) add(c *capture.Change) {
	own := *c
	own.Before, own.After = p.row(c.Before), p.row(c.After)
	p.bytes += changeCost
	p.changes = append(p.changes, own)
}

func (p *chunk) row(values []capture.Value) []capture.Value {
	if len(values) == 0 {
		return values // a row without columns is one all the same
	}
	row := p.values.Copy(values, valueArenaChunk)
	p.bytes += valueCost * len(row)
	for i := range row {
		if row[i].Kind == capture.Text {
			row[i].Bytes = p.text.Copy(row[i].Bytes, textArenaChunk)
			p.bytes += len(row[i].Bytes)
		}
	}
	return row
}

// close says where the part ends by now.
func (p *chunk) close(end capture.Position, commit bool, state []byte, last capture.Commit) {
	p.end, p.commit = end, commit
	if !last.IsZero() {
		p.last = last
	}
	if state != nil {
		p.state = append([]byte{}, state...)
	}
}

// reset makes the part empty, for others to use its memory.
func (p *chunk) reset() {
	clear(p.changes) // their tables
	if cap(p.changes) > keptChanges {
		p.changes = nil
	}
	*p = chunk{changes: p.changes[:0], text: p.text, values: p.values}
	p.text.Reset(keptArenaChunks)
	p.values.Reset(keptArenaChunks)
}

// accepts says whether a batch may follow in this part: there is room, and a part is no mixture of whole transactions and
// a piece of one.
func (p *chunk) accepts(b *sink.Batch) bool {
	return !p.endsSnapshot && p.bytes < chunkBytes && (b.Commit || !p.commit)
}
