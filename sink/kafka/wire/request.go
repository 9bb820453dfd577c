package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// version is the version of the produce request: the last one without tagged fields, which every broker since 2.4 supports.
const version = 8

// kept is the size in bytes up to which a Request keeps its memory for the next one.
const kept = 2 << 20

// Request encodes produce requests that all in-sync replicas have to acknowledge. It reuses its memory for the next request
// and is for one goroutine at a time.
type Request struct {
	Client  string
	Timeout time.Duration // how long a broker waits for its replicas
	Codec   sarama.CompressionCodec

	pieces     pieces
	buffers    net.Buffers
	compressor compressor
}

// Part is the batch of one partition.
type Part struct {
	Topic     string
	Partition int32
	Batch     Batch
}

// Encode is the request with its length before it, in pieces that are good until the next call; those of large records are
// the Records' own. It sorts parts; a partition is in one of them at most.
func (r *Request) Encode(correlation int32, parts []Part) net.Buffers {
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(a.Topic, b.Topic) })
	p := &r.pieces
	p.reset()
	b := binary.BigEndian.AppendUint32(p.own, 0) // length of what follows
	b = binary.BigEndian.AppendUint16(b, uint16(kmsg.Produce.Int16()))
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	b = appendString(b, r.Client)
	b = binary.BigEndian.AppendUint16(b, ^uint16(0)) // no transactional id
	b = binary.BigEndian.AppendUint16(b, ^uint16(0)) // all replicas in sync
	b = binary.BigEndian.AppendUint32(b, uint32(r.Timeout.Milliseconds()))
	p.own = binary.BigEndian.AppendUint32(b, uint32(topics(parts)))
	for len(parts) > 0 {
		n := run(parts)
		p.own = appendString(p.own, parts[0].Topic)
		p.own = binary.BigEndian.AppendUint32(p.own, uint32(n))
		for i := range parts[:n] {
			r.part(&parts[i])
		}
		parts = parts[n:]
	}
	binary.BigEndian.PutUint32(p.own, uint32(p.len()-4))
	r.buffers = p.appendTo(r.buffers[:0])
	if cap(p.own) > kept {
		p.own, r.compressor.plain = nil, nil
	}
	return r.buffers
}

func (r *Request) part(p *Part) {
	to := &r.pieces
	to.own = binary.BigEndian.AppendUint32(to.own, uint32(p.Partition))
	at, before := len(to.own), to.len()
	to.own = binary.BigEndian.AppendUint32(to.own, 0)
	p.Batch.append(to, r.Codec, &r.compressor)
	binary.BigEndian.PutUint32(to.own[at:], uint32(to.len()-before-4))
}

// run returns how many parts at the start have the same topic.
func run(parts []Part) int {
	n := 1
	for n < len(parts) && parts[n].Topic == parts[0].Topic {
		n++
	}
	return n
}

func topics(parts []Part) (n int) {
	for ; len(parts) > 0; n++ {
		parts = parts[run(parts):]
	}
	return n
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// Answer is the answer of a broker for one part.
type Answer struct {
	Err     sarama.KError
	Message string // the broker's message; "": none
}

// Place is a partition.
type Place struct {
	Topic     string
	Partition int32
}

// Decode decodes the response to a request, without its length.
func Decode(b []byte, correlation int32) (map[Place]Answer, error) {
	if len(b) < 4 || int32(binary.BigEndian.Uint32(b)) != correlation {
		return nil, fmt.Errorf("read produce response: it answers no request %d", correlation)
	}
	r := kmsg.NewPtrProduceResponse()
	r.SetVersion(version)
	if err := r.ReadFrom(b[4:]); err != nil {
		return nil, fmt.Errorf("read produce response: %w", err)
	}
	all := make(map[Place]Answer, 1)
	for i := range r.Topics {
		for _, p := range r.Topics[i].Partitions {
			a := Answer{Err: sarama.KError(p.ErrorCode)}
			if p.ErrorMessage != nil {
				a.Message = *p.ErrorMessage
			}
			all[Place{r.Topics[i].Topic, p.Partition}] = a
		}
	}
	return all, nil
}
