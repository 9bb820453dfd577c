package conn

import (
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Receive buffers of a stream from this machine, in bytes. The kernel reserves twice as much, for its own bookkeeping, and
// advertises a window of about the requested size.
const (
	// NarrowBuffer keeps the window full between two reads. A walsender whose window is full appends to the pending data,
	// which costs it a copy; the kernel sends that in large pieces, in our time, when we read.
	NarrowBuffer = 16 << 10
	// RoomyBuffer is for a stream whose messages are not small, and ends a stall. It is the maximum that Linux allows by
	// default (net.core.rmem_max).
	RoomyBuffer = 208 << 10
)

// Lengths of messages, in bytes, that determine how a stream is read; decision 3 has the measurements.
const (
	// mediumMessage is the mean length above which a narrow window holds too few messages: each read returns a few rows,
	// and costs us more than the walsender saves.
	mediumMessage = 256
	// LargeMessage is the length at which a single message requests a wide window: a row of this size fills a quarter of
	// the narrow one.
	LargeMessage = 4 << 10
	// restless is the mean length above which a stream is read without rests. It consists of few sends.
	restless = 16 << 10
	// RestlessUnix is the same limit for a Unix socket, whose buffer holds fewer sends the larger they are: 50 of 1.8 KB.
	RestlessUnix = 512
)

// MaxSegment is the largest TCP segment, in bytes, that a walsender on this machine may send us (TCP_MAXSEG); 0: the kernel
// decides. Over the loopback that would be up to half of the largest window ever advertised. As soon as less than a segment
// of the window is free, the sender's kernel holds all data back until its persist timer fires, every 200 ms: a stream that
// should take seconds takes hours. A window of NarrowBuffer always holds six segments of this size. Only tests change it.
var MaxSegment = 2 << 10

// leastSegments is the number of segments that a narrow window has to hold.
const leastSegments = 4

// NarrowWindow is a dialer's Control function for replication connections: it makes the window small if the peer is on this
// machine and the kernel limits the segments. Between machines the window limits the data in flight, and stays unchanged.
func NarrowWindow(_, addr string, c syscall.RawConn) error {
	if !near(addr) || Reading == "plain" {
		return nil
	}
	return c.Control(func(fd uintptr) {
		if limitSegment(int(fd), MaxSegment) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, NarrowBuffer) // an error makes the stream only slower
		}
	})
}

// near reports whether a TCP address is on this machine.
func near(addr string) bool {
	peer, err := netip.ParseAddrPort(addr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// checkWindow reads back what the kernel granted to a connection that NarrowWindow has handled, and enlarges the window if
// it would not hold several segments. A buffer that NarrowWindow did not change stays the kernel's.
func (s *Socket) checkWindow(c *net.TCPConn) {
	if !s.local || Reading == "plain" {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return // closed: the next Read returns the error
	}
	_ = raw.Control(func(fd uintptr) {
		reserved, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil || reserved != 2*NarrowBuffer {
			return
		}
		s.buffer = NarrowBuffer
		size, known := advertisedSegment(int(fd))
		if MaxSegment > 0 && (!known || size*leastSegments > NarrowBuffer) { // 0: a test wants the stall
			s.buffer = RoomyBuffer
			setReceiveBuffer(int(fd), RoomyBuffer)
		}
	})
}

// Widen makes the receive buffer of a stream from this machine larger, for the rest of the connection: a smaller one would
// lose data in flight. It reports whether the buffer was smaller.
func (s *Socket) Widen(bytes int) bool {
	if s.buffer == 0 || s.buffer >= bytes {
		return false
	}
	s.buffer = bytes
	if c, ok := s.Conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { setReceiveBuffer(int(fd), bytes) }) // fails only on a closed connection
		}
	}
	return true
}
