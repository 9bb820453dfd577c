package wire

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/internal/bufpool"
	"github.com/tailrace/tailrace/transform"
)

// Records are the records of one batch, in order. The zero Records is empty and ready. It is for one goroutine at a time.
type Records struct {
	first, last *chunk
	n           int
	size        int
}

// Len returns the number of records.
func (r *Records) Len() int { return r.n }

// Size returns how many bytes they take on the wire at most, before compression.
func (r *Records) Size() int { return r.size }

// Add appends a copy of a record. A nil key, value or value of a header is null.
func (r *Records) Add(key, value []byte, headers []transform.Header) {
	n := tailSize(key, value, headers)
	c := r.room(n + binary.MaxVarintLen32)
	b := binary.AppendUvarint(c.text, uint64(n))
	b = appendBytes(appendBytes(b, key), value)
	c.text = appendHeaders(b, headers)
	r.n, r.size = r.n+1, r.size+n+recordHead
}

// Before is how many bytes a value that Take can use has before it in its buffer, besides those of the key.
const Before = 3 * binary.MaxVarintLen32

// Take appends a record whose value is what b has from at on, without a copy: b belongs to r. The key and the values of
// headers may stand before the value. Before at there are Before bytes and as many as the key has, at least.
func (r *Records) Take(b *bufpool.Buffer, at int, key []byte, headers []transform.Header) {
	value := len(b.Bytes) - at
	n := tailSize(key, b.Bytes[at:], headers)
	b.Bytes = appendHeaders(b.Bytes, headers) // before what they may refer to is overwritten
	start := at - varintSize(value)
	if start -= len(key); key != nil {
		copy(b.Bytes[start:], key)
		start -= varintSize(len(key))
		binary.PutVarint(b.Bytes[start:], int64(len(key)))
	} else {
		start--
		binary.PutVarint(b.Bytes[start:], -1)
	}
	binary.PutVarint(b.Bytes[at-varintSize(value):], int64(value))
	start -= uvarintSize(n)
	binary.PutUvarint(b.Bytes[start:], uint64(n))
	r.link(&chunk{class: -1, text: b.Bytes[start:], large: b})
	r.n, r.size = r.n+1, r.size+n+recordHead
}

func appendHeaders(dst []byte, headers []transform.Header) []byte {
	dst = binary.AppendVarint(dst, int64(len(headers)))
	for i := range headers {
		dst = binary.AppendVarint(dst, int64(len(headers[i].Name)))
		dst = append(dst, headers[i].Name...)
		dst = appendBytes(dst, headers[i].Value)
	}
	return dst
}

// Append moves the records of o to r; o is empty after it.
func (r *Records) Append(o *Records) {
	for c := o.first; c != nil; {
		next := c.next
		if c.class == len(sizes)-1 || c.class < 0 { // large: worth no copy
			c.next = nil
			r.link(c)
		} else {
			own := r.room(len(c.text))
			own.text = append(own.text, c.text...)
			c.free()
		}
		c = next
	}
	r.n, r.size = r.n+o.n, r.size+o.size
	*o = Records{}
}

// Split copies the records into two: the first n, and the others.
func (r *Records) Split(n int) (one, two Records) {
	i := 0
	r.each(func(tail []byte) {
		to := &one
		if i++; i > n {
			to = &two
		}
		c := to.room(len(tail) + binary.MaxVarintLen32)
		c.text = append(binary.AppendUvarint(c.text, uint64(len(tail))), tail...)
		to.n, to.size = to.n+1, to.size+len(tail)+recordHead
	})
	return one, two
}

// Free releases the memory for other records. r is empty after it.
func (r *Records) Free() {
	for c := r.first; c != nil; {
		next := c.next
		c.free()
		c = next
	}
	*r = Records{}
}

// each calls f with what a record has behind its offset, oldest first.
func (r *Records) each(f func(tail []byte)) {
	for c := r.first; c != nil; c = c.next {
		for text := c.text; len(text) > 0; {
			n, head := binary.Uvarint(text)
			f(text[head : head+int(n)])
			text = text[head+int(n):]
		}
	}
}

// appendTo appends all records, numbered from 0.
func (r *Records) appendTo(dst []byte) []byte {
	offset := 0
	r.each(func(tail []byte) {
		dst = append(appendRecordHead(dst, offset, tail), tail...)
		offset++
	})
	return dst
}

// appendRecordHead appends what a record has before its key.
func appendRecordHead(dst []byte, offset int, tail []byte) []byte {
	dst = binary.AppendVarint(dst, int64(2+varintSize(offset)+len(tail)))
	dst = append(dst, 0, 0) // attributes; the time is the batch's
	return binary.AppendVarint(dst, int64(offset))
}

// room is the chunk that takes n more bytes.
func (r *Records) room(n int) *chunk {
	class := 0
	if c := r.last; c != nil {
		if n <= cap(c.text)-len(c.text) {
			return c
		}
		class = c.class + 1
	}
	r.link(newChunk(class, n))
	return r.last
}

func (r *Records) link(c *chunk) {
	if r.last == nil {
		r.first = c
	} else {
		r.last.next = c
	}
	r.last = c
}

// recordHead is how many bytes a record has before its key at most: its length, attributes, time and offset.
const recordHead = 2*binary.MaxVarintLen32 + 2

// RecordSize is how many bytes a record takes on the wire at most, before it is compressed.
func RecordSize(key, value []byte, headers []transform.Header) int {
	return tailSize(key, value, headers) + recordHead
}

// tailSize is how many bytes a record has from its key on.
func tailSize(key, value []byte, headers []transform.Header) int {
	n := bytesSize(key) + bytesSize(value) + varintSize(len(headers))
	for i := range headers {
		n += varintSize(len(headers[i].Name)) + len(headers[i].Name) + bytesSize(headers[i].Value)
	}
	return n
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(b))), b...)
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(len(b)) + len(b)
}

// uvarintSize is how many bytes the unsigned varint of n takes.
func uvarintSize(n int) int {
	size := 1
	for n >>= 7; n > 0; n >>= 7 {
		size++
	}
	return size
}

// varintSize is how many bytes the varint of n takes, which is not negative.
func varintSize(n int) int {
	size := 1
	for n >>= 6; n > 0; n >>= 7 {
		size++
	}
	return size
}
