package wire

import (
	"bytes"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy/xerial"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// compressor keeps the state of compression from batch to batch; none without compression.
type compressor struct {
	plain []byte
	gzip  *gzip.Writer
	lz4   *lz4.Writer
	zstd  *zstd.Encoder
}

// records appends the records, compressed by codec.
func (c *compressor) records(dst []byte, codec sarama.CompressionCodec, r *Records) []byte {
	c.plain = r.appendTo(c.plain[:0])
	switch codec {
	case sarama.CompressionGZIP:
		if c.gzip == nil {
			c.gzip = gzip.NewWriter(nil)
		}
		to := bytes.NewBuffer(dst)
		c.gzip.Reset(to)
		return finish(c.gzip, c.plain, to)
	case sarama.CompressionLZ4:
		if c.lz4 == nil {
			c.lz4 = lz4.NewWriter(nil)
			if err := c.lz4.Apply(lz4.BlockSizeOption(lz4.Block64Kb)); err != nil {
				panic(err) // a constant
			}
		}
		to := bytes.NewBuffer(dst)
		c.lz4.Reset(to)
		return finish(c.lz4, c.plain, to)
	case sarama.CompressionSnappy:
		return append(dst, xerial.Encode(nil, c.plain)...)
	case sarama.CompressionZSTD:
		if c.zstd == nil {
			var err error
			if c.zstd, err = zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithEncoderConcurrency(1)); err != nil {
				panic(err) // constants
			}
		}
		return c.zstd.EncodeAll(c.plain, dst)
	}
	panic(fmt.Sprintf("compression codec %d", codec)) // settings know no other
}

// finish compresses into memory, which does not fail.
func finish(w interface {
	Write([]byte) (int, error)
	Close() error
}, plain []byte, to *bytes.Buffer,
) []byte {
	if _, err := w.Write(plain); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return to.Bytes()
}
