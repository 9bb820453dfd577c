package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/tailrace/tailrace/internal/kafkaconnect"
	"github.com/tailrace/tailrace/sink/kafka/wire"
)

// produceConn is a connection for produce requests. Sarama opens it and logs in; after that we read and write the
// bytes. produce is for one goroutine, kill for any.
type produceConn struct {
	conn    *kafkaconnect.Conn
	sock    net.Conn
	timeout time.Duration // of a write, and of a response
	last    int32         // correlation of the last request
	pending chan pendingRequest
	dead    chan struct{} // closed by kill
	once    sync.Once
}

// request is one produce request.
type request struct {
	sender  *sender
	batches []*batch

	// guarded by sender.w.mu
	sending bool // the sender reads the batches
	done    bool // answered, or its connection is lost
	lost    bool // the latter
}

// freeStoredLocked releases the memory of stored batches. It must not be called while the sender reads the batches.
func (q *request) freeStoredLocked() {
	for _, b := range q.batches {
		if b.stored {
			b.records.Free()
		}
	}
}

// encode returns the bytes of the request, which are valid until the next encode, and as long as its batches are not
// released.
func (q *request) encode(correlation int32) net.Buffers {
	parts := make([]wire.Part, len(q.batches))
	for i, b := range q.batches {
		parts[i] = b.wirePart(q.sender.w.producer)
	}
	return q.sender.writes.Encode(correlation, parts)
}

// pendingRequest is a request that waits for its response; responses arrive in order.
type pendingRequest struct {
	request     *request
	correlation int32
}

// maxResponseBytes limits the size of a response, which lists partitions.
const maxResponseBytes = 16 << 20

// dialProduce connects to addr; the caller has readResponses run until kill. ctx applies to the call only. The error is a *capture.Problem.
func dialProduce(ctx context.Context, c *kafkaconnect.Cluster, addr string) (*produceConn, error) {
	k, err := c.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &produceConn{
		conn: k, sock: k.Stream(), timeout: c.Config.Net.ReadTimeout, pending: make(chan pendingRequest, maxInFlight), dead: make(chan struct{}),
	}, nil
}

// produce sends a request. The request is told of its response, or of the loss of the connection, later.
func (p *produceConn) produce(q *request) error {
	p.last++
	b := q.encode(p.last)
	select {
	case p.pending <- pendingRequest{q, p.last}: // before the response can arrive
	case <-p.dead:
		return net.ErrClosed
	}
	if err := p.sock.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return fmt.Errorf("write produce request: %w", err)
	}
	if err := writeAll(p.sock, b); err != nil {
		return fmt.Errorf("write produce request: %w", err)
	}
	return nil
}

// writeAll writes the pieces of a request: in one system call, or over TLS in separate records.
func writeAll(to net.Conn, pieces net.Buffers) error {
	if len(pieces) == 1 {
		_, err := to.Write(pieces[0])
		return err
	}
	_, err := pieces.WriteTo(to)
	return err
}

// readResponses reads responses and passes them to their requests, until the connection fails.
func (p *produceConn) readResponses() {
	var buf []byte
	for {
		select {
		case <-p.dead:
			return
		case q := <-p.pending:
			var answers map[wire.Place]wire.Answer
			var err error
			if buf, err = p.read(buf); err == nil {
				answers, err = wire.Decode(buf, q.correlation)
			}
			q.request.handleResponse(answers, err)
			if err != nil {
				return // the connection is lost for all
			}
		}
	}
}

// read reads one response into buf, or into a larger one.
func (p *produceConn) read(buf []byte) ([]byte, error) {
	if err := p.sock.SetReadDeadline(time.Now().Add(p.timeout)); err != nil {
		return buf, fmt.Errorf("read produce response: %w", err)
	}
	var head [4]byte
	if _, err := io.ReadFull(p.sock, head[:]); err != nil {
		return buf, fmt.Errorf("read produce response: %w", err)
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n > maxResponseBytes {
		return buf, fmt.Errorf("read produce response: %d bytes are not a response of Kafka", n)
	}
	if n > cap(buf) {
		buf = make([]byte, n)
	}
	if _, err := io.ReadFull(p.sock, buf[:n]); err != nil {
		return buf, fmt.Errorf("read produce response: %w", err)
	}
	return buf[:n], nil
}

// kill closes the connection at once. kill of a nil produceConn does nothing.
func (p *produceConn) kill() {
	if p == nil {
		return
	}
	p.once.Do(func() { close(p.dead) })
	p.conn.Kill()
}
