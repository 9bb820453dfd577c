package format

import (
	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/transform"
)

// mark is where a Buffer stood.
type mark struct{ bytes, headers int }

func (b *Buffer) mark() mark { return mark{len(b.Bytes), len(b.Headers)} }

func (b *Buffer) back(m mark) { b.Bytes, b.Headers = b.Bytes[:m.bytes], b.Headers[:m.headers] }

// since is what was appended from start on. It is finished: growing beyond it moves nothing that is in use, and its
// capacity ends with it.
func (b *Buffer) since(start int) []byte {
	if len(b.Bytes) == start {
		return []byte{} // empty, which is not null
	}
	return b.Bytes[start:len(b.Bytes):len(b.Bytes)]
}

func (b *Buffer) copy(text []byte) []byte {
	if text == nil {
		return nil
	}
	start := len(b.Bytes)
	b.Bytes = append(b.Bytes, text...)
	return b.since(start)
}

func (b *Buffer) header(name string, value []byte) {
	b.Headers = append(b.Headers, transform.Header{Name: name, Value: value})
}

// given copies the headers that a block gave. They come first, and header names of ours that they use are theirs.
func (b *Buffer) given(headers []transform.Header) {
	for _, h := range headers {
		b.header(h.Name, b.copy(h.Value))
	}
}

// headersSince is since for headers.
func (b *Buffer) headersSince(m mark) []transform.Header {
	return b.Headers[m.headers:len(b.Headers):len(b.Headers)]
}

// key appends the event's key: nil for null.
func (b *Buffer) key(s *shape, ev *transform.Event) ([]byte, error) {
	if ev.Keyed {
		return b.copy(ev.Key), nil
	}
	start := len(b.Bytes)
	var err error
	b.Bytes, err = s.appendKey(b.Bytes, ev.Change)
	if err != nil || len(b.Bytes) == start {
		return nil, err
	}
	return b.since(start), nil
}

// tombstone adds the null value behind a plain delete. A null key cannot have one: compaction refuses it.
func (b *Buffer) tombstone(key []byte, ev *transform.Event) {
	if ev.Change.Op == capture.Delete && key != nil && ev.Type == "" && !ev.Dressed {
		b.Records = append(b.Records, Record{Key: key, Tombstone: true})
	}
}
