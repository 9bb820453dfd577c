package kafka

import (
	"bytes"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/sink/format"
	"github.com/tailrace/tailrace/transform"
)

const (
	slabBytes   = 64 << 10
	slabRecords = 256
)

// slabs is where records live: one allocation for many. A slab is never used again; it goes when the last batch that
// points into it is acknowledged, and since memory is counted in the order of spans that is what is counted.
type slabs struct {
	buffer  format.Buffer
	records []sarama.Record
	headers []sarama.RecordHeader
	lists   []*sarama.RecordHeader
	last    []*sarama.RecordHeader // of the record before: most headers repeat, name or whole
	names   map[string][]byte
}

// room makes sure that an event of about n bytes fits into the slab at hand, and hands the buffer back empty. The
// records that it gave before stay good: they keep their slab.
func (s *slabs) room(n int) *format.Buffer {
	b := &s.buffer
	b.Records, b.Headers = b.Records[:0], b.Headers[:0]
	if n > cap(b.Bytes)-len(b.Bytes) {
		b.Bytes = make([]byte, 0, max(n, slabBytes))
	}
	return b
}

// record turns what the format made into what sarama sends.
func (s *slabs) record(r *format.Record) *sarama.Record {
	return s.next(sarama.Record{Key: r.Key, Value: r.Value, Headers: s.list(r.Headers)})
}

// again is a second record with the content of r, for another partition.
func (s *slabs) again(r *sarama.Record) *sarama.Record {
	return s.next(sarama.Record{Key: r.Key, Value: r.Value, Headers: r.Headers})
}

func (s *slabs) next(r sarama.Record) *sarama.Record {
	if len(s.records) == cap(s.records) {
		s.records = make([]sarama.Record, 0, slabRecords)
	}
	s.records = append(s.records, r)
	return &s.records[len(s.records)-1]
}

func (s *slabs) list(headers []transform.Header) []*sarama.RecordHeader {
	if len(headers) == 0 {
		return nil
	}
	if len(headers) > cap(s.lists)-len(s.lists) {
		s.lists = make([]*sarama.RecordHeader, 0, max(4*slabRecords, len(headers)))
	}
	n := len(s.lists)
	for i := range headers {
		s.lists = append(s.lists, s.header(i, &headers[i]))
	}
	l := s.lists[n:len(s.lists):len(s.lists)]
	s.last = l
	return l
}

// header is the i-th header of a record: that of the record before where it is the same.
func (s *slabs) header(i int, h *transform.Header) *sarama.RecordHeader {
	var name []byte
	if i < len(s.last) && string(s.last[i].Key) == h.Name {
		if p := s.last[i]; bytes.Equal(p.Value, h.Value) && (p.Value == nil) == (h.Value == nil) {
			return p
		}
		name = s.last[i].Key
	} else {
		name = s.name(h.Name)
	}
	if len(s.headers) == cap(s.headers) {
		s.headers = make([]sarama.RecordHeader, 0, 2*slabRecords)
	}
	s.headers = append(s.headers, sarama.RecordHeader{Key: name, Value: h.Value})
	return &s.headers[len(s.headers)-1]
}

// name keeps the bytes of header names, of which a pipeline has a few. Names from data do not fill memory.
func (s *slabs) name(n string) []byte {
	b, ok := s.names[n]
	if !ok {
		b = []byte(n)
		if s.names == nil || len(s.names) >= 256 {
			s.names = map[string][]byte{}
		}
		s.names[n] = b
	}
	return b
}
