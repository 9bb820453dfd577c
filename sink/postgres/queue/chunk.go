package queue

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/sink"
	"github.com/tailrace/tailrace/sink/postgres/arena"
)

const (
	chunkBytes      = 256 << 10 // a chunk with this many bytes takes no further batch
	textArenaChunk  = 64 << 10  // bytes per chunk of the text arena
	valueArenaChunk = 2048      // values per chunk of the value arena
	changeCost      = 120       // bytes that a change takes besides its text and its values
	valueCost       = 32
	keptArenaChunks = 2 * chunkBytes / textArenaChunk // by a chunk that is kept for reuse
	keptChanges     = 4096
)

// chunk holds consecutive changes in memory of its own: whole transactions, or a piece of a single one.
type chunk struct {
	changes      []capture.Change
	end          capture.Position
	commit       bool   // end is between transactions
	state        []byte // nil: unchanged
	last         capture.Commit
	endsSnapshot bool // an initial copy ends here: the chunk takes nothing more
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
		return values // a row without columns is a row, and not nil
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

// close sets where the chunk ends so far.
func (p *chunk) close(end capture.Position, commit bool, state []byte, last capture.Commit) {
	p.end, p.commit = end, commit
	if !last.IsZero() {
		p.last = last
	}
	if state != nil {
		p.state = append([]byte{}, state...)
	}
}

// reset empties the chunk and keeps its memory for reuse.
func (p *chunk) reset() {
	clear(p.changes) // they refer to tables
	if cap(p.changes) > keptChanges {
		p.changes = nil
	}
	*p = chunk{changes: p.changes[:0], text: p.text, values: p.values}
	p.text.Reset(keptArenaChunks)
	p.values.Reset(keptArenaChunks)
}

// accepts reports whether a batch may be appended: there is room, and a chunk never holds both whole transactions and a
// piece of one.
func (p *chunk) accepts(b *sink.Batch) bool {
	return !p.endsSnapshot && p.bytes < chunkBytes && (b.Commit || !p.commit)
}
