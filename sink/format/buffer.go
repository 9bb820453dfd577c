package format

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// Mark is a position in a Buffer.
type Mark struct{ bytes, headers int }

// Mark returns the current end of b.
func (b *Buffer) Mark() Mark { return Mark{len(b.Bytes), len(b.Headers)} }

// Rewind drops what was appended after m.
func (b *Buffer) Rewind(m Mark) { b.Bytes, b.Headers = b.Bytes[:m.bytes], b.Headers[:m.headers] }

// Since returns what was appended after start. Later growth of b does not move it, and its capacity ends with it.
func (b *Buffer) Since(start int) []byte {
	if len(b.Bytes) == start {
		return []byte{} // empty, and not null
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

// AddGiven copies the headers that a block has set. They come first, and replace headers of ours with the same name.
func (b *Buffer) AddGiven(headers []transform.Header) {
	for _, h := range headers {
		b.AddHeader(h.Name, b.Copy(h.Value))
	}
}

// HeadersSince returns the headers that were added after m.
func (b *Buffer) HeadersSince(m Mark) []transform.Header {
	return b.Headers[m.headers:len(b.Headers):len(b.Headers)]
}

// AppendKey appends the key of an event and returns it: nil for null.
func (b *Buffer) AppendKey(s *Shape, ev *transform.Event) ([]byte, error) {
	if ev.HasKey {
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

// AddTombstone adds the null value after a plain delete. A record with a null key gets none: a compacted topic refuses it.
func (b *Buffer) AddTombstone(key []byte, ev *transform.Event) {
	if ev.Change.Op == capture.Delete && key != nil && ev.Type == "" && !ev.HasData {
		b.Records = append(b.Records, Record{Key: key, Tombstone: true})
	}
}
