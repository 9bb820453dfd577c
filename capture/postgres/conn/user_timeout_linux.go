package conn

import (
	"time"

	"golang.org/x/sys/unix"
)

// setUserTimeout makes the kernel give a TCP connection up when the peer's kernel has not acknowledged bytes for d. Without
// it that takes a quarter of an hour.
func setUserTimeout(fd uintptr, d time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds())) // a Unix socket has none
}
