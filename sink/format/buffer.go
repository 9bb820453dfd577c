package format

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// Mark is where a Buffer stood.
type Mark struct{ bytes, headers int }

// Mark returns where b stands.
func (b *Buffer) Mark() Mark { return Mark{len(b.Bytes), len(b.Headers)} }

// Rewind drops what was appended after m.
func (b *Buffer) Rewind(m Mark) { b.Bytes, b.Headers = b.Bytes[:m.bytes], b.Headers[:m.headers] }

// Since is what was appended from start on. It is finished: growing beyond it moves nothing that is in use, and its
// capacity ends with it.
func (b *Buffer) Since(start int) []byte {
	if len(b.Bytes) == start {
		return []byte{} // empty, which is not null
	}
	return b.Bytes[start:len(b.Bytes):len(b.Bytes)]
}

// Copy appends text and returns it; nil stays nil.
func (b *Buffer) Copy(text []byte) []byte {
	if text == nil {
		return nil
	}
	start := len(b.Bytes)
	b.Bytes = append(b.Bytes, text...)
	return b.Since(start)
}

// AddHeader appends a header, without a copy of its value.
func (b *Buffer) AddHeader(name string, value []byte) {
	b.Headers = append(b.Headers, transform.Header{Name: name, Value: value})
}

// AddGiven copies the headers that a block gave. They come first, and header names of ours that they use are theirs.
func (b *Buffer) AddGiven(headers []transform.Header) {
	for _, h := range headers {
		b.AddHeader(h.Name, b.Copy(h.Value))
	}
}

// HeadersSince is Since for headers.
func (b *Buffer) HeadersSince(m Mark) []transform.Header {
	return b.Headers[m.headers:len(b.Headers):len(b.Headers)]
}

// AppendKey appends the event's key: nil for null.
func (b *Buffer) AppendKey(s *Shape, ev *transform.Event) ([]byte, error) {
	if ev.Keyed {
		return b.Copy(ev.Key), nil
	}
	start := len(b.Bytes)
	var err error
	b.Bytes, err = s.AppendKey(b.Bytes, ev.Change)
	if err != nil || len(b.Bytes) == start {
		return nil, err
	}
	return b.Since(start), nil
}

// AddTombstone adds the null value behind a plain delete. A null key cannot have one: compaction refuses it.
func (b *Buffer) AddTombstone(key []byte, ev *transform.Event) {
	if ev.Change.Op == capture.Delete && key != nil && ev.Type == "" && !ev.Dressed {
		b.Records = append(b.Records, Record{Key: key, Tombstone: true})
	}
}
