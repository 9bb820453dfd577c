package postgres

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A host that is gone acknowledges nothing: that is detected even if no caller reads.
func TestHostGoneWhileNobodyReads(t *testing.T) {
	client, server := connected(t)
	s, ended := stuck(t, client, 500*time.Millisecond)
	alive := time.NewTicker(100 * time.Millisecond) // next to the stream the server answers
	defer alive.Stop()
	deaf(t, server)
	for range 200 {
		select {
		case err := <-ended:
			if state(err) != "source_unreachable" {
				t.Errorf("%v", err)
			}
			return
		case <-alive.C:
			s.answers.Add(1)
		}
	}
	t.Error("it was not noticed in 20 s")
}

// deaf makes the kernel drop incoming data of a connection, unacknowledged, as if its host had lost power.
func deaf(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	none := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &none[0]})
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}
