package conn

import (
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout makes the kernel close a TCP connection when the peer's kernel has not acknowledged data for d. By default
// that takes a quarter of an hour.
func setUserTimeout(fd uintptr, d time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds())) // fails on a Unix socket, which has no such option
}
