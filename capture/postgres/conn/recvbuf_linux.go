package conn

import "golang.org/x/sys/unix"

// limitSegment limits the peer's segments before the connection is established, and reports whether the kernel accepted the
// limit; with 0 it does nothing.
func limitSegment(fd, bytes int) bool {
	if bytes == 0 {
		return true
	}
	if unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, bytes) != nil {
		return false
	}
	got, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG) // before connect: the limit
	return err == nil && got == bytes
}

// advertisedSegment returns the largest segment, in bytes, that was advertised to the peer of a connection.
func advertisedSegment(fd int) (bytes int, known bool) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, false
	}
	return int(info.Advmss), true
}

// setReceiveBuffer makes the receive buffer of a connection larger. The kernel derived the window's upper bound from the
// initial buffer, so setReceiveBuffer raises that too; the window scale was also derived from it, and without one at most
// 65,535 bytes can be advertised. An error makes the stream only slower.
func setReceiveBuffer(fd, bytes int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, min(bytes, 65535))
}
