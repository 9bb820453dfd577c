//go:build !linux

package conn

import "golang.org/x/sys/unix"

// limitSegment reports that segments cannot be limited, so the receive buffer stays the kernel's.
func limitSegment(int, int) bool { return false }

// advertisedSegment is known on Linux only.
func advertisedSegment(int) (bytes int, known bool) { return 0, false }

// setReceiveBuffer makes the receive buffer of a connection larger. An error makes the stream only slower.
func setReceiveBuffer(fd, bytes int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
}
