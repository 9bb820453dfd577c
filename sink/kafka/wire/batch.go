package wire

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/IBM/sarama"
)

// BatchHead is how many bytes a batch has before its records.
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

// append writes the batch: the same for the same b and codec.
func (b *Batch) append(dst []byte, codec sarama.CompressionCodec, c *compressor) []byte {
	start := len(dst)
	ms := uint64(b.Time.UnixMilli())
	dst = binary.BigEndian.AppendUint64(dst, 0)          // base offset: the broker's to give
	dst = binary.BigEndian.AppendUint32(dst, 0)          // length of what follows
	dst = binary.BigEndian.AppendUint32(dst, ^uint32(0)) // leader epoch: the broker's
	dst = append(dst, 2)                                 // magic
	dst = binary.BigEndian.AppendUint32(dst, 0)          // checksum of what follows
	dst = binary.BigEndian.AppendUint16(dst, uint16(codec))
	dst = binary.BigEndian.AppendUint32(dst, uint32(b.Records.n-1))
	dst = binary.BigEndian.AppendUint64(dst, ms) // first time
	dst = binary.BigEndian.AppendUint64(dst, ms) // largest
	dst = binary.BigEndian.AppendUint64(dst, uint64(b.ProducerID))
	dst = binary.BigEndian.AppendUint16(dst, uint16(b.ProducerEpoch))
	dst = binary.BigEndian.AppendUint32(dst, uint32(b.Sequence))
	dst = binary.BigEndian.AppendUint32(dst, uint32(b.Records.n))
	dst = c.records(dst, codec, b.Records)
	batch := dst[start:]
	binary.BigEndian.PutUint32(batch[8:], uint32(len(batch)-12))
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli))
	return dst
}
