package wire

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/IBM/sarama"
)

// BatchHead is the number of bytes in a batch before its records.
const BatchHead = 61

// Batch is a record batch, version 2, of a producer with an id.
type Batch struct {
	ProducerID    int64
	ProducerEpoch int16
	Sequence      int32     // of the first record
	Time          time.Time // of all records
	Records       *Records  // at least one
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append appends the batch. The bytes depend on b and codec only.
func (b *Batch) append(p *pieces, codec sarama.CompressionCodec, c *compressor) {
	start, before, inPlace := len(p.own), p.len(), len(p.large)
	ms := uint64(b.Time.UnixMilli())
	dst := binary.BigEndian.AppendUint64(p.own, 0)       // base offset: set by the broker
	dst = binary.BigEndian.AppendUint32(dst, 0)          // length of what follows
	dst = binary.BigEndian.AppendUint32(dst, ^uint32(0)) // leader epoch: set by the broker
	dst = append(dst, 2)                                 // magic
	dst = binary.BigEndian.AppendUint32(dst, 0)          // checksum of what follows
	dst = binary.BigEndian.AppendUint16(dst, uint16(codec))
	dst = binary.BigEndian.AppendUint32(dst, uint32(b.Records.n-1))
	dst = binary.BigEndian.AppendUint64(dst, ms) // first time
	dst = binary.BigEndian.AppendUint64(dst, ms) // largest
	dst = binary.BigEndian.AppendUint64(dst, uint64(b.ProducerID))
	dst = binary.BigEndian.AppendUint16(dst, uint16(b.ProducerEpoch))
	dst = binary.BigEndian.AppendUint32(dst, uint32(b.Sequence))
	p.own = binary.BigEndian.AppendUint32(dst, uint32(b.Records.n))
	if codec == sarama.CompressionNone {
		p.records(b.Records)
	} else {
		p.own = c.records(p.own, codec, b.Records)
	}
	head := p.own[start:]
	binary.BigEndian.PutUint32(head[8:], uint32(p.len()-before-12))
	binary.BigEndian.PutUint32(head[17:], p.checksum(start+21, inPlace))
}
