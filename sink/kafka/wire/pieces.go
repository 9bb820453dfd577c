package wire

import (
	"hash/crc32"
	"net"
)

// pieces are the bytes of a request: those that were encoded into own, and between them large records, which are not copied.
type pieces struct {
	own   []byte
	large []large
	bytes int // of all in large
}

// large is a part that comes before own[at].
type large struct {
	at   int
	text []byte
}

// inPlace is the size in bytes from which a record is not copied into its request.
const inPlace = 16 << 10

// reset begins another request.
func (p *pieces) reset() {
	clear(p.large) // releases their memory
	p.own, p.large, p.bytes = p.own[:0], p.large[:0], 0
}

// len returns the number of bytes.
func (p *pieces) len() int { return len(p.own) + p.bytes }

// records appends all of r, numbered from 0.
func (p *pieces) records(r *Records) {
	own, offset := p.own, 0
	r.each(func(tail []byte) {
		own = appendRecordHead(own, offset, tail)
		if offset++; len(tail) < inPlace {
			own = append(own, tail...)
			return
		}
		p.large = append(p.large, large{len(own), tail})
		p.bytes += len(tail)
	})
	p.own = own
}

// checksum is that of own[from:] and of the large parts from the n-th on.
func (p *pieces) checksum(from, n int) (sum uint32) {
	for _, l := range p.large[n:] {
		sum = crc32.Update(sum, castagnoli, p.own[from:l.at])
		sum = crc32.Update(sum, castagnoli, l.text)
		from = l.at
	}
	return crc32.Update(sum, castagnoli, p.own[from:])
}

// appendTo appends the pieces in their order.
func (p *pieces) appendTo(dst net.Buffers) net.Buffers {
	from := 0
	for _, l := range p.large {
		dst = append(dst, p.own[from:l.at], l.text)
		from = l.at
	}
	if from < len(p.own) {
		dst = append(dst, p.own[from:])
	}
	return dst
}
