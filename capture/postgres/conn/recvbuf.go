package conn

import (
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Receive buffers of a stream from this machine, in bytes. The kernel reserves twice as much, for its own bookkeeping, and
// advertises a window of about the size asked for.
const (
	// NarrowBuffer keeps the window full between two reads. A walsender whose window is full appends to what waits, which
	// costs it a copy; the kernel sends that in large pieces, in our time, when we read.
	NarrowBuffer = 16 << 10
	// RoomyBuffer is for a stream whose messages are not small, and ends a stall. It is what Linux allows at most by default
	// (net.core.rmem_max).
	RoomyBuffer = 208 << 10
)

// Lengths of messages, in bytes, that decide how a stream is read; decision 3 has the measurements.
const (
	// mediumMessage is the mean length above which a narrow window holds too few messages: each read brings a few rows, and
	// costs us more than the walsender saves.
	mediumMessage = 256
	// LargeMessage is the length of which one message is enough to show that: a row of this size fills a quarter of the window.
	LargeMessage = 4 << 10
	// restless is the mean length above which a stream is read without rests. Its sends are few.
	restless = 16 << 10
	// RestlessUnix is the same over a Unix socket, whose buffer holds fewer sends the larger they are: 50 of 1.8 KB.
	RestlessUnix = 512
)

// MaxSegment is the largest TCP segment, in bytes, that a walsender on this machine may send us (TCP_MAXSEG); 0: the kernel
// decides. Over the loopback that would be up to half of the largest window ever advertised. As soon as less than a segment
// of the window is free the sender's kernel holds everything back until its persist timer fires, every 200 ms: a stream that
// should take seconds takes hours. A window of NarrowBuffer always holds six of these. Only tests change it.
var MaxSegment = 2 << 10

// leastSegments is how many segments a narrow window has to hold.
const leastSegments = 4

// NarrowWindow is a dialer's Control function for replication connections: it makes the window small if the peer is this machine
// and the kernel takes small segments. Between machines a window is what may be on the way, and stays as it is.
func NarrowWindow(_, addr string, c syscall.RawConn) error {
	if !near(addr) || Reading == "plain" {
		return nil
	}
	return c.Control(func(fd uintptr) {
		if limitSegment(int(fd), MaxSegment) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, NarrowBuffer) // refused: it is only slower
		}
	})
}

// near reports whether a TCP address is on this machine.
func near(addr string) bool {
	peer, err := netip.ParseAddrPort(addr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// checkWindow reads back what the kernel granted to a connection that NarrowWindow has seen, and gives the window room where it
// would not hold several segments. A buffer that NarrowWindow left alone stays the kernel's.
func (s *Socket) checkWindow(c *net.TCPConn) {
	if !s.local || Reading == "plain" {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return // closed: the next Read tells
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

// Widen makes the receive buffer of a stream from this machine larger, for as long as the connection lives: a smaller one
// would lose what is on the way. It reports whether the buffer was smaller.
func (s *Socket) Widen(bytes int) bool {
	if s.buffer == 0 || s.buffer >= bytes {
		return false
	}
	s.buffer = bytes
	if c, ok := s.Conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { setReceiveBuffer(int(fd), bytes) }) // fails on a closed connection only
		}
	}
	return true
}
