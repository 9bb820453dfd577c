package postgres

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/postgres/conn"
)

// A stream keeps its narrow window until a message comes that is larger.
func TestLargeMessageWidens(t *testing.T) {
	sock, peer := ownedTCP(t)
	u := sock.Conn.(*conn.RawConn)
	s, _ := newStream(t)
	s.conn, s.socket = sock, sock
	s.attach()
	s.pulse = 200 * time.Millisecond // the second keepalive is answered by the clock
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.receive(ctx) }()
	for i, c := range []struct{ body, want int }{{conn.LargeMessage, 2 * conn.NarrowBuffer}, {conn.LargeMessage + 1, 2 * conn.RoomyBuffer}} {
		end := capture.LSN(0x100 * (i + 1))
		wire := append([]byte{'S'}, binary.BigEndian.AppendUint32(nil, uint32(c.body+4))...)
		wire = append(wire, make([]byte, c.body)...)
		wire = append(wire, 'd', 0, 0, 0, 22, 'k')
		wire = append(wire, keepaliveBody(end, 1)...)
		if _, err := peer.Write(wire); err != nil {
			t.Fatal(err)
		}
		for update := make([]byte, 39); capture.LSN(binary.BigEndian.Uint64(update[6:])) < end; { // the first is of the start
			if _, err := io.ReadFull(peer, update); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := unix.GetsockoptInt(u.FD, unix.SOL_SOCKET, unix.SO_RCVBUF); n != c.want || err != nil {
			t.Errorf("after a message of %d bytes a receive buffer of %d, want %d (%v)", c.body, n, c.want, err)
		}
	}
	cancel(io.EOF)
	sock.Wake()
	<-ended
}

// ownedTCP is a connection over the loopback as a stream reads it, and its peer.
func ownedTCP(t *testing.T) (*conn.Socket, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := conn.Dial(&net.Dialer{Control: conn.NarrowWindow})(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), peer.Close() })
	s := c.(*conn.Socket)
	s.Own()
	return s, peer
}
